# ends: any
with open("/mnt/data/sparse", "wb") as f:
    f.truncate(1 << 45)
    f.seek(1 << 44)
    f.write(b"x")
