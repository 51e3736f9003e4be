"""Speed, as ratios · 速度，用比值说话"""
