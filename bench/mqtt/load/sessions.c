#define _GNU_SOURCE
#include "sessions.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "process.h"

#define READ_SIZE 262144
// Milliseconds in which something must come.
#define PATIENCE 10000
#define SECOND 1000000000.0

static void name(char *id, size_t size, int index) { snprintf(id, size, "offline_%d", index); }

static struct link enter(const struct link_options *to, const struct login *login, const char *id, bool lasts) {
  struct link link;
  struct login as = *login;
  as.lasts = lasts;
  link_open(&link, to, 0);
  mqtt_connect(&link, id, &as);
  return link;
}

void session_end(const struct link_options *to, const struct login *login, const char *client_id) {
  struct link link = enter(to, login, client_id, false);
  mqtt_disconnect(&link);
}

void sessions_begin(const struct link_options *to, const struct login *login, int count, const char *prefix) {
  char id[40], filter[1][64];
  snprintf(filter[0], sizeof filter[0], "%s/#", prefix);
  sessions_end(to, login, count);
  for (int i = 0; i < count; i++) {
    name(id, sizeof id, i);
    struct link link = enter(to, login, id, true);
    mqtt_subscribe(&link, filter, 1, 1);
    mqtt_disconnect(&link);
  }
}

void sessions_end(const struct link_options *to, const struct login *login, int count) {
  char id[40];
  for (int i = 0; i < count; i++) {
    name(id, sizeof id, i);
    session_end(to, login, id);
  }
}

int session_resume(const struct link_options *to, const struct login *login, int messages, int pid) {
  char id[40];
  name(id, sizeof id, 0);
  double cpu_before = usage_of(pid).cpu;
  uint64_t begun = now_ns(), first_at = 0;
  struct link link = enter(to, login, id, true);
  for (int got = 0; got < messages;) {
    struct packet packet;
    while (packet_next(&link.in, &packet)) {
      if (packet.type != PUBLISH) continue;
      size_t id_at = 2 + ((size_t)packet.body[0] << 8 | packet.body[1]);
      if (got++ == 0) first_at = now_ns();
      link_put(&link, (uint8_t[]){PUBACK << 4, 2, packet.body[id_at], packet.body[id_at + 1]}, 4);
    }
    packets_done(&link.in);
    link_flush(&link);
    if (got == messages) break;
    struct pollfd readable = {.fd = link.fd, .events = POLLIN};
    if (poll(&readable, 1, PATIENCE) == 0) {
      fprintf(stderr, "mqtt-load: only %d of %d messages came\n", got, messages);
      return 1;
    }
    link_receive(&link, READ_SIZE);
  }
  uint64_t now = now_ns();
  struct usage server = usage_of(pid);
  printf("{\"first_s\":%.4f,\"all_s\":%.4f,\"server_cpu_s\":%.3f,\"rss_kib\":%ld}\n", (double)(first_at - begun) / SECOND,
         (double)(now - begun) / SECOND, server.cpu - cpu_before, server.rss_kib);
  mqtt_disconnect(&link);
  return 0;
}
