"""Makes a container on Azurite: one signed request (Shared Key), so that no Azure package is needed."""
import base64, hashlib, hmac, sys, urllib.error, urllib.request
from email.utils import formatdate

port, key, container = sys.argv[1:4]
date = formatdate(usegmt=True)
headers = f"x-ms-date:{date}\nx-ms-version:2021-12-02\n"
resource = f"/devstoreaccount1/devstoreaccount1/{container}\nrestype:container"
text = "PUT" + "\n" * 12 + headers + resource
signature = base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()
request = urllib.request.Request(
    f"http://127.0.0.1:{port}/devstoreaccount1/{container}?restype=container",
    method="PUT",
    headers={"x-ms-date": date, "x-ms-version": "2021-12-02", "Authorization": f"SharedKey devstoreaccount1:{signature}", "Content-Length": "0"},
)
try:
    urllib.request.urlopen(request, timeout=10)
except urllib.error.HTTPError as error:
    if error.code != 409:  # 409: it is there already
        sys.exit(f"the container cannot be made: {error.code} {error.read()[:300]!r}")
