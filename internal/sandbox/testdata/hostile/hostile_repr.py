# ends: timeout
class Bad:
    def __repr__(self):
        while True:
            pass
Bad()
