"""Python's paho with a network thread of its own, as its documentation has it: turns as `turns.mjs` describes them."""
import json
import sys
import threading
import time

import paho.mqtt.client as paho

client = None
left = 0
done = threading.Event()


def count_down(*_):
    global left
    left -= 1
    if left == 0:
        done.set()


def expect(count):
    global left
    done.clear()
    left = count


def open_to(port):
    global client
    connected = threading.Event()
    client = paho.Client(protocol=paho.MQTTv5)
    client.on_connect = lambda *_: connected.set()
    client.max_inflight_messages_set(1000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    connected.wait()
    return {}


def close():
    client.disconnect()
    client.loop_stop()
    return {}


def publish(qos, bytes, count, inFlight):
    payload = b"." * bytes
    client.on_publish = count_down
    begun, cpu = time.perf_counter(), time.process_time()
    remaining = count
    while remaining > 0:
        batch = min(remaining, inFlight)
        expect(batch)
        for _ in range(batch):
            client.publish("bench/publish", payload, qos)
        done.wait()
        remaining -= batch
    return {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}


def listen(qos, **_):
    client.on_message = count_down
    granted = threading.Event()
    client.on_subscribe = lambda *_: granted.set()
    client.subscribe("bench/receive", qos)
    granted.wait()
    return {}


def receive(count, **_):
    expect(count)
    answer({"ready": True})
    begun, cpu = time.perf_counter(), time.process_time()
    done.wait()
    return {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}


def answer(value):
    print(json.dumps(value), flush=True)


TURNS = {"open": open_to, "close": close, "publish": publish, "listen": listen, "receive": receive}
for line in sys.stdin:
    words = json.loads(line)
    answer(TURNS[words.pop("turn")](**words))
