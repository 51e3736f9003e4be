"""Loops that move what is towards what should be. Floor 5 · 控制器（第 5 层）."""
