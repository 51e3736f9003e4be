"""Which node should this Pod run on? Floor 5 · 调度器（第 5 层）."""
