# ends: timeout
while True:
    print("y" * 100)
