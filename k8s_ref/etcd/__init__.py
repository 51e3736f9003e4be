"""The store: revisions, transactions, watches. Floor 2 · 存储（第 2 层）."""
