# want: held
# never: ANSWERED
import urllib.request
for url in ["http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/", "http://100.100.100.200/", "http://[fd00:ec2::254]/"]:
    try:
        print("ANSWERED", urllib.request.urlopen(url, timeout=0.3).read(10))
    except OSError as e:
        print("held")
