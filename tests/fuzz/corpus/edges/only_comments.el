# a

# b