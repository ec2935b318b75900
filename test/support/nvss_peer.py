# An independent NVSS peer, written from the documented bytes: 8-byte big-endian length + JPEG, JPEGs by OpenCV.
#   nvss_peer.py send PORT COUNT LEVEL   sends COUNT grey frames of that level (640x480, 25 a second)
#   nvss_peer.py view PORT COUNT         receives COUNT frames, prints "WIDTHxHEIGHT MEAN" for each
import socket, struct, sys, time
import cv2, numpy as np

role, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def connect():
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.05)
    sys.exit("nobody listens")

def receive(peer, size):
    data = b""
    while len(data) < size:
        chunk = peer.recv(min(4096, size - len(data)))
        if not chunk:
            sys.exit("the server closed")
        data += chunk
    return data

peer = connect()
if role == "send":
    frame = np.full((480, 640, 3), int(sys.argv[4]), np.uint8)
    for _ in range(count):
        jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
        peer.sendall(struct.pack(">Q", len(jpeg)) + jpeg)
        time.sleep(0.04)
else:
    for _ in range(count):
        size = struct.unpack(">Q", receive(peer, 8))[0]
        frame = cv2.imdecode(np.frombuffer(receive(peer, size), np.uint8), cv2.IMREAD_COLOR)
        print(f"{frame.shape[1]}x{frame.shape[0]} {frame.mean():.1f}", flush=True)
