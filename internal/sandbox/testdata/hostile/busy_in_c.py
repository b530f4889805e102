# ends: timeout
9 ** 9 ** 9
