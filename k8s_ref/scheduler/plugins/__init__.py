"""The criteria by which a node is chosen, one class each · 插件：选择节点的各项标准."""
