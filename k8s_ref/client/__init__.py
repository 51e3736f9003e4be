"""How every component sees the cluster. Floor 4 · 客户端（第 4 层）."""
