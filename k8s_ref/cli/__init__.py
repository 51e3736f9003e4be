"""What a person types. Floor 7 · 命令行（第 7 层）."""
