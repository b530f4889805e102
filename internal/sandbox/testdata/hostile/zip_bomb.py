# ends: any
import zipfile, io
b = io.BytesIO()
with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as z:
    with z.open("big", "w") as f:
        for i in range(200):
            f.write(b"\0" * (1 << 20))
zipfile.ZipFile(b).extractall("/mnt/data")
