# vertices: 3
0 1
1 2
0 3
0 1
