"""The Hologram Python SDKs 0.1.1, 0.3.0 and 0.9.1 on the wire, said again in Python 3.

The originals are not on npm, and the older two want Python 2. This is what they were watched to do, nothing else: which
bytes they write, with which socket calls, how long they wait, and what they give back. Their defects are kept, since a
hub has to live with them. docs/protocols/hologram.md describes the frames.
0.9.1 is what the original's develop branch (053c484) calls itself; no release of 0.9 was recorded.

    python3 python_sdk.py VERSION PORT CREDENTIALS < calls.json

Standard input is a JSON list of calls that one cloud object is given one after the other; standard output a JSON list with
what each wrote ("wire", hexadecimal), gave back ("result"), and how many seconds it took.
"""

import json
import socket
import sys
import time

HOST = "127.0.0.1"


class Cloud:
    """0.1.1 and 0.3.0, which are the same on the wire. One connection for each message."""

    # Keys of the JSON object in the order in which this version writes them.
    order_without_topics = ("s", "c", "d")
    order_with_topics = ("d", "s", "c", "t")
    # At most so many bytes of an answer are read.
    max_answer = None

    def __init__(self, port, credentials):
        self.port = port
        self.credentials = credentials
        # The dictionary outlives the call, and so do the topics in it.
        self.data = {}
        self.buffer = []
        self.network_active = True
        self.wire = []

    def identity(self):
        cloud_id, cloud_key = self.credentials[:4], self.credentials[4:]
        return {"s": cloud_id, "c": cloud_key}

    def frame(self, message, topics):
        self.data.update(self.identity())
        self.data["d"] = message
        if topics is not None:
            self.data["t"] = topics
        order = self.order_with_topics if "t" in self.data else self.order_without_topics
        ordered = {name: self.data[name] for name in order if name in self.data}
        return (json.dumps(ordered) + "\r\r").encode("ascii")

    def send_message(self, message, topics=None, timeout=5):
        if not self.network_active:
            # Neither the topics nor the timeout are remembered.
            self.buffer.append(message)
            return ""
        return self.parse(self.exchange(self.frame(message, topics), timeout))

    def send_sms(self, destination, message):
        frame = "S%s%s %s\r\r" % (self.credentials, destination, message)
        return self.parse_sms(self.exchange(frame.encode("utf-8"), 5))

    def send_raw(self, message, timeout=5):
        return self.exchange(message.encode("utf-8"), timeout).decode("latin-1")

    def network_disconnected(self):
        self.network_active = False

    def network_connected(self):
        self.network_active = True
        # The buffer is never emptied.
        return [self.send_message(message) for message in self.buffer]

    def exchange(self, data, timeout):
        connection = socket.create_connection((HOST, self.port), timeout)
        connection.settimeout(timeout)
        try:
            # One call: whatever it did not take is lost.
            sent = connection.send(data)
            self.wire.append(data[:sent])
            answer = self.receive(connection)
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                # The peer was faster.
                pass
            return answer
        finally:
            connection.close()

    def receive(self, connection):
        answer = b""
        while self.max_answer is None or len(answer) < self.max_answer:
            try:
                part = connection.recv(1024)
            except socket.timeout:
                # Silence is the end of an answer, not an error.
                break
            if not part:
                break
            answer += part
        return answer

    def parse(self, answer):
        try:
            return str(int(json.loads(answer)[0]))
        except ValueError:
            return ""

    def parse_sms(self, answer):
        digits = [int(character) for character in answer.decode("latin-1")]
        return str(digits[0]) if digits else "[]"


class Sdk091(Cloud):
    order_without_topics = ("k", "m", "d")
    order_with_topics = ("k", "m", "t", "d")
    max_answer = 1024

    def identity(self):
        return {"k": self.credentials, "m": "\x01agnostic-0.9.1"}

    def parse(self, answer):
        try:
            return int(json.loads(answer)[0])
        except ValueError:
            return -1

    def parse_sms(self, answer):
        digits = [int(character) for character in answer.decode("latin-1")]
        return digits[0] if digits else -1

    def request_nonce(self, timeout=10):
        """sim-otp: one byte, and the connection stays open for the message that is made with the answer."""
        connection = socket.create_connection((HOST, self.port), timeout)
        connection.settimeout(timeout)
        try:
            self.wire.append(b"N"[: connection.send(b"N")])
            return connection.recv(1024).hex()
        finally:
            connection.close()


VERSIONS = {"0.1.1": Cloud, "0.3.0": Cloud, "0.9.1": Sdk091}


def main():
    version, port, credentials = sys.argv[1:]
    cloud = VERSIONS[version](int(port), credentials)
    done = []
    for name, *arguments in json.load(sys.stdin):
        cloud.wire = []
        begun = time.monotonic()
        result = getattr(cloud, name)(*arguments)
        seconds = time.monotonic() - begun
        done.append({"wire": [data.hex() for data in cloud.wire], "result": result, "seconds": seconds})
    json.dump(done, sys.stdout)


main()
