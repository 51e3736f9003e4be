"""Time, chance and the record of what happened. Floor 0 · 时间、随机与轨迹（第 0 层）."""
