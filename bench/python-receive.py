"""Listens for messages: `python-receive.py threads|poll`. Writes its port; for each line on its input, the seconds of
processor time that it has used. `threads` is Python's own server; `poll` waits as the original SDK does, by asking a
socket that does not block again and again."""
import socket
import socketserver
import sys
import threading
import time


class Receiver(socketserver.BaseRequestHandler):
    def handle(self):
        message = b""
        while True:
            part = self.request.recv(1024)
            if not part:
                break
            message += part


class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 128
    daemon_threads = True


def poll(listener):
    while True:
        try:
            connection, _ = listener.accept()
            connection.close()
        except BlockingIOError:
            pass


if sys.argv[1] == "threads":
    server = Server(("127.0.0.1", 0), Receiver)
    port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
else:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    port = listener.getsockname()[1]
    threading.Thread(target=poll, args=(listener,), daemon=True).start()

print(port, flush=True)
for _ in sys.stdin:
    print(time.process_time(), flush=True)
