#include "packets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANDSHAKE_READ 4096
#define KEEP_ALIVE 0
#define CLEAN_SESSION 0x02
#define HAS_PASSWORD 0x40
#define HAS_USER 0x80

// §2.2.3: seven bits a byte, the lowest first. Returns how many bytes it took.
static size_t put_length(uint8_t *to, size_t length) {
  size_t size = 0;
  do {
    uint8_t seven = length & 0x7f;
    length >>= 7;
    to[size++] = length > 0 ? seven | 0x80 : seven;
  } while (length > 0);
  return size;
}

static void put_text(struct buffer *body, const char *text) {
  size_t length = strlen(text);
  uint8_t prefix[2] = {(uint8_t)(length >> 8), (uint8_t)length};
  buffer_append(body, prefix, 2);
  buffer_append(body, text, length);
}

static void send_packet(struct link *link, uint8_t first, struct buffer *body) {
  uint8_t header[5] = {first};
  size_t size = 1 + put_length(header + 1, body->end);
  link_put(link, header, size);
  link_put(link, body->bytes, body->end);
  link_flush(link);
  free(body->bytes);
}

bool packet_next(struct buffer *in, struct packet *packet) {
  const uint8_t *at = in->bytes + in->start;
  size_t have = in->end - in->start;
  size_t length = 0, size = 1;
  for (int shift = 0;; shift += 7) {
    if (size >= have) return false;
    length |= (size_t)(at[size] & 0x7f) << shift;
    if (!(at[size++] & 0x80)) break;
  }
  if (have < size + length) return false;
  *packet = (struct packet){.type = at[0] >> 4, .flags = at[0] & 0x0f, .body = at + size, .length = length};
  in->start += size + length;
  return true;
}

void packets_done(struct buffer *in) { buffer_consume(in, 0); }

static struct packet wait_for(struct link *link, enum packet_type type) {
  struct packet packet;
  while (!packet_next(&link->in, &packet)) link_receive(link, HANDSHAKE_READ);
  errno = 0;
  if (packet.type != type) fail("the server answered with another packet than it should");
  return packet;
}

void mqtt_connect(struct link *link, const char *client_id, const struct login *login) {
  struct buffer body = {0};
  uint8_t flags = (login->lasts ? 0 : CLEAN_SESSION) | (login->user ? HAS_USER | HAS_PASSWORD : 0);
  put_text(&body, "MQTT");
  buffer_append(&body, (uint8_t[]){4, flags, KEEP_ALIVE, KEEP_ALIVE}, 4);
  put_text(&body, client_id);
  if (login->user) {
    put_text(&body, login->user);
    put_text(&body, login->password);
  }
  send_packet(link, 0x10, &body);
  struct packet answer = wait_for(link, CONNACK);
  if (answer.body[1] != 0) {
    fprintf(stderr, "mqtt-load: CONNACK %d\n", answer.body[1]);
    exit(2);
  }
  packets_done(&link->in);
}

void mqtt_disconnect(struct link *link) {
  struct buffer body = {0};
  send_packet(link, 0xe0, &body);
  link_close(link);
}

void mqtt_subscribe(struct link *link, char filters[][64], int count, int qos) {
  struct buffer body = {0};
  buffer_append(&body, (uint8_t[]){0, 1}, 2);
  for (int i = 0; i < count; i++) {
    put_text(&body, filters[i]);
    buffer_append(&body, (uint8_t[]){(uint8_t)qos}, 1);
  }
  send_packet(link, 0x82, &body);
  struct packet answer = wait_for(link, SUBACK);
  for (size_t i = 2; i < answer.length; i++)
    if (answer.body[i] > 2) fail("the server refused a subscription");
  packets_done(&link->in);
}

struct publish publish_make(const char *topic, int qos, size_t payload_size) {
  size_t topic_length = strlen(topic), id_size = qos > 0 ? 2 : 0;
  size_t length = 2 + topic_length + id_size + payload_size;
  struct publish publish = {.bytes = malloc(length + 5)};
  if (!publish.bytes) fail("out of memory");
  uint8_t *at = publish.bytes;
  *at++ = (uint8_t)(0x30 | qos << 1);
  at += put_length(at, length);
  *at++ = (uint8_t)(topic_length >> 8);
  *at++ = (uint8_t)topic_length;
  memcpy(at, topic, topic_length);
  at += topic_length;
  publish.digits_at = (size_t)(at - publish.bytes) - 4 - (at[-1] == '/');
  publish.packet_id_at = (size_t)(at - publish.bytes);
  at += id_size;
  publish.payload_at = (size_t)(at - publish.bytes);
  memset(at, 'x', payload_size);
  publish.length = publish.payload_at + payload_size;
  return publish;
}

void publish_set_digits(struct publish *publish, unsigned number) {
  uint8_t *digits = publish->bytes + publish->digits_at;
  for (int i = 3; i >= 0; i--, number /= 10) digits[i] = (uint8_t)('0' + number % 10);
}

void publish_set_packet_id(struct publish *publish, uint16_t packet_id) {
  publish->bytes[publish->packet_id_at] = (uint8_t)(packet_id >> 8);
  publish->bytes[publish->packet_id_at + 1] = (uint8_t)packet_id;
}
