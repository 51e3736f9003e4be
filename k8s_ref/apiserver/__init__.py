"""The only door to the store. Floor 3 · API 服务器（第 3 层）."""
