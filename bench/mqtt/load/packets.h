// The few packets of MQTT 3.1.1 that a load needs.
#ifndef PACKETS_H
#define PACKETS_H

#include "link.h"

enum packet_type { CONNACK = 2, PUBLISH = 3, PUBACK = 4, SUBACK = 9 };

// A packet where it lies: the body is body[0, length).
struct packet {
  enum packet_type type;
  int flags;
  const uint8_t *body;
  size_t length;
};

// Takes the next whole packet out of `in`; false: there is none yet. Good until more is received.
bool packet_next(struct buffer *in, struct packet *packet);
// What the last packet_next gave is done with, `in` may move.
void packets_done(struct buffer *in);

// Whom a connection is for. `user`: NULL for none; without `lasts` the session ends with the connection.
struct login {
  const char *user, *password;
  bool lasts;
};

// CONNECT and its CONNACK, while the link blocks.
void mqtt_connect(struct link *link, const char *client_id, const struct login *login);
// DISCONNECT, while the link blocks; then the link is closed and its memory free.
void mqtt_disconnect(struct link *link);
// SUBSCRIBE to `count` filters and its SUBACK, while the link blocks.
void mqtt_subscribe(struct link *link, char filters[][64], int count, int qos);

// A PUBLISH that is sent again and again with only a few bytes changed.
struct publish {
  uint8_t *bytes;
  size_t length;
  // Where the four digits of the topic begin, the packet identifier (QoS 1), and the payload.
  size_t digits_at, packet_id_at, payload_at;
};

// `topic` ends with four digits, and a slash behind them or none.
struct publish publish_make(const char *topic, int qos, size_t payload_size);
void publish_set_digits(struct publish *publish, unsigned number);
void publish_set_packet_id(struct publish *publish, uint16_t packet_id);

#endif
