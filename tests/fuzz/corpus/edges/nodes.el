# Nodes: 7 Edges: 3
100 1
1 2
7 7
