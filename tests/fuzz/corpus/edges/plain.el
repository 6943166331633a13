# vertices: 9
0 1
1 2
  3	4 

% c
8 0