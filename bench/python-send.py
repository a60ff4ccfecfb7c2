"""Sends messages as the original SDK does: one connection each, one write, read until the peer closes."""
import socket
import sys
import threading
import time

port, total, at_once = (int(argument) for argument in sys.argv[1:])
FRAME = b'{"s": "1234", "c": "5678", "d": "Hello, Python!"}\r\r'


def send():
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(FRAME)
    answer = b""
    while True:
        part = connection.recv(1024)
        if not part:
            break
        answer += part
    connection.close()
    assert answer == b"[0,0]", answer


def sender(count):
    for _ in range(count):
        send()


threads = [threading.Thread(target=sender, args=(total // at_once,)) for _ in range(at_once)]
begun = time.perf_counter()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print((total // at_once) * at_once / (time.perf_counter() - begun))
