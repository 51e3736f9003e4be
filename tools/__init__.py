"""What builds the project and its site · 构建项目与网站的工具"""
