"""paho-mqtt as a program that does what it is told: commands as JSON lines on standard input, answers and events as JSON
lines on standard output. It adds nothing to what the library says: each answer is what a callback of paho has brought.

Bytes are texts of as many characters (latin1), both ways. The commands are those of mqttjs.mjs.
"""

import json
import queue
import sys
import threading

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

output = threading.Lock()
clients = {}


def emit(**event):
    with output:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


# sessionExpiryInterval <-> SessionExpiryInterval
def to_paho(kind, properties):
    if not properties:
        return None
    made = Properties(kind)
    for name, value in properties.items():
        if name == "userProperties":
            made.UserProperty = [(key, one) for key, many in value.items() for one in (many if isinstance(many, list) else [many])]
        elif name == "correlationData":
            made.CorrelationData = value.encode("latin1")
        else:
            setattr(made, name[0].upper() + name[1:], int(value) if isinstance(value, bool) else value)
    return made


def from_paho(properties):
    if properties is None:
        return None
    told = {}
    for name, value in vars(properties).items():
        if name in ("packetType", "types", "names", "properties"):
            continue
        name = name[0].lower() + name[1:]
        if name == "userProperty":
            told["userProperties"] = {}
            for key, one in value:
                told["userProperties"][key] = one
        elif name == "subscriptionIdentifier":
            told[name] = value[0] if len(value) == 1 else value
        elif isinstance(value, bytes):
            told[name] = value.decode("latin1")
        else:
            told[name] = value
    return told


def number(code):
    return code.value if hasattr(code, "value") else code


class Client:
    def __init__(self, name, id, url, protocolVersion, clientId="", clean=True, username=None, password=None, ca=None,
                 keepalive=60, will=None, properties=None, reconnect=False, **_):
        self.name = name
        self.version = protocolVersion
        self.waiting = {}
        self.early = {}
        self.lock = threading.Lock()
        self.connecting = id
        scheme, rest = url.split("://")
        address, _, path = rest.partition("/")
        host, port = address.rsplit(":", 1)
        transport = "websockets" if scheme in ("ws", "wss") else "tcp"
        options = {} if protocolVersion == 5 else {"clean_session": clean}
        client = self.paho = paho.Client(client_id=clientId, protocol=protocolVersion, transport=transport,
                                         reconnect_on_failure=reconnect, **options)
        client.reconnect_delay_set(1, 1)
        if transport == "websockets":
            client.ws_set_options(path="/" + path)
        if scheme in ("mqtts", "wss"):
            client.tls_set(ca_certs=ca)
        if username is not None:
            client.username_pw_set(username, password)
        if will:
            client.will_set(will["topic"], will["payload"].encode("latin1"), will.get("qos", 0), will.get("retain", False),
                            to_paho(PacketTypes.WILLMESSAGE, will.get("properties")))
        client.on_connect = self.on_connect
        client.on_disconnect = self.on_disconnect
        client.on_message = self.on_message
        client.on_publish = lambda _c, _u, mid: self.settle(mid, {})
        client.on_subscribe = lambda _c, _u, mid, codes, *_: self.settle(mid, {"codes": [number(code) for code in codes]})
        client.on_unsubscribe = self.on_unsubscribe
        more = {}
        if protocolVersion == 5:
            more = {"clean_start": clean, "properties": to_paho(PacketTypes.CONNECT, properties)}
        client.connect(host, int(port), keepalive=keepalive, **more)
        client.loop_start()

    def on_connect(self, _client, _userdata, flags, code, properties=None):
        told = {"sessionPresent": flags["session present"] == 1, "reasonCode": number(code), "properties": from_paho(properties)}
        emit(client=self.name, event="connect", **told)
        id, self.connecting = self.connecting, None
        if id is None:
            return
        if number(code) == 0:
            emit(id=id, result=told)
        else:
            emit(id=id, error="Connection refused", reasonCode=number(code))

    def on_disconnect(self, _client, _userdata, code, properties=None):
        emit(client=self.name, event="close", reasonCode=number(code))
        if self.connecting is not None:
            emit(id=self.connecting, error="closed before CONNACK")
            self.connecting = None

    def on_message(self, _client, _userdata, message):
        emit(client=self.name, event="message", topic=message.topic, payload=message.payload.decode("latin1"), qos=message.qos,
             retain=bool(message.retain), dup=bool(message.dup), properties=from_paho(getattr(message, "properties", None)))

    def on_unsubscribe(self, _client, _userdata, mid, _properties=None, codes=None):
        codes = codes if isinstance(codes, list) else [] if codes is None else [codes]
        self.settle(mid, {"codes": [number(code) for code in codes]})

    # A callback may come before the call that it answers has returned.
    def settle(self, mid, result):
        with self.lock:
            done = self.waiting.pop(mid, None)
            if done is None:
                self.early[mid] = result
        if done:
            done(result)

    def expect(self, mid, done):
        with self.lock:
            result = self.early.pop(mid, None)
            if result is None:
                self.waiting[mid] = done
        if result is not None:
            done(result)

    def subscribe(self, id, filters, properties=None):
        if self.version == 5:
            wanted = [(f["filter"], SubscribeOptions(f.get("qos", 0), f.get("noLocal", False), f.get("retainAsPublished", False),
                                                     f.get("retainHandling", 0))) for f in filters]
            _, mid = self.paho.subscribe(wanted, properties=to_paho(PacketTypes.SUBSCRIBE, properties))
        else:
            _, mid = self.paho.subscribe([(f["filter"], f.get("qos", 0)) for f in filters])
        self.expect(mid, lambda result: emit(id=id, result=result))

    def unsubscribe(self, id, filters):
        _, mid = self.paho.unsubscribe(filters)
        self.expect(mid, lambda result: emit(id=id, result=result))

    def publish(self, id, topic, payload, qos=0, retain=False, properties=None):
        info = self.paho.publish(topic, payload.encode("latin1"), qos, retain, to_paho(PacketTypes.PUBLISH, properties))
        self.expect(info.mid, lambda result: emit(id=id, result=result))

    def publishMany(self, id, topic, count, qos=0, retain=False):
        mids = [self.paho.publish(topic, str(i), qos, retain).mid for i in range(count)]
        left = queue.Queue()
        for mid in mids:
            self.expect(mid, left.put)
        threading.Thread(target=lambda: ([left.get() for _ in mids], emit(id=id, result={"count": count})), daemon=True).start()

    def disconnect(self, id, properties=None, reasonCode=None):
        more = {}
        if self.version == 5:
            from paho.mqtt.reasoncodes import ReasonCodes
            more = {"properties": to_paho(PacketTypes.DISCONNECT, properties)}
            if reasonCode is not None:
                more["reasoncode"] = ReasonCodes(PacketTypes.DISCONNECT, identifier=reasonCode)
        self.paho.disconnect(**more)
        self.paho.loop_stop()
        emit(id=id, result={})

    # The connection goes without a word.
    def cut(self, id):
        self.paho._reconnect_on_failure = False
        self.paho.socket().shutdown(2) if not hasattr(self.paho.socket(), "_socket") else self.paho.socket()._socket.shutdown(2)
        self.paho.loop_stop()
        emit(id=id, result={})


for line in sys.stdin:
    command = json.loads(line)
    id, name, action = command.pop("id"), command.pop("client"), command.pop("action")
    try:
        if action == "connect":
            clients[name] = Client(name, id, **command)
        else:
            getattr(clients[name], action)(id, **command)
    except Exception as error:
        emit(id=id, error=f"{type(error).__name__}: {error}")
