"""What runs on each machine. Floor 5 · 节点（第 5 层）."""
