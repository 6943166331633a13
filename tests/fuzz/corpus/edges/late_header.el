0 1
# vertices: 5
