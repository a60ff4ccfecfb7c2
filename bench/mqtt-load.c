// A load for MQTT 3.1.1 servers: one thread, epoll, and a closed loop, so that what it reports was delivered.
//
//   publisher ──PUBLISH, at most `window` of them not delivered yet──▶ server ──▶ subscribers
//       ▲──────────── the payload names its publisher and says when it left ──────────┘
//
// Built by bench/mqtt/load.ts: cc -O2 mqtt-load.c mqtt/load/*.c [-DWITH_TLS -lssl -lcrypto]. Options are key=value:
//
//   port, tls=1, websocket=1     where; 127.0.0.1. Certificates are not checked
//   user, password               none: no credentials
//   publishers, subscribers      1 and 1. Publisher n publishes to bench/<n>/<four digits>
//   topics                       how many each publisher goes through, up to 10,000; 1
//   fan_in=1                     subscribers take bench/#, all publishers; else bench/0/#, the first one's
//   qos, size                    0 or 1; bytes of payload, at least 12
//   window                       messages on their way, of all publishers together; at least 1 each; 1000
//   batch                        messages in one write; 64
//   stalled, stalled_rate        subscribers more, which read so many bytes a second, or nothing; 0 and 0
//   seconds, warmup              measured, and not measured before; 2 and 0.5
//   prefix                       of all topics and filters, instead of bench
//   slash=1                      topics end with a slash, as Emitter's do; key and channel are the prefix
//   lasts=1                      subscribers' sessions outlive their connections; they end with the load
//   offline                      sessions more that want everything, QoS 1, and have no connection; 0
//   messages                     so many and no more, whatever `seconds` says
//   keep=1                       offline sessions stay behind the load, with what they are owed
//   idle, subscriptions          instead of a load: so many connections with so many filters each, a tenth of them with +
//   hold=1                       idle connections stay until standard input ends
//   resume                       instead of a load: the first offline session comes back for so many messages
//   pid                          of the server: its processor and memory are in the report
//
// The last line on standard output is a JSON object. Exit status 2: the server refused something; 3: nothing arrives any more.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mqtt/load/idle.h"
#include "mqtt/load/link.h"
#include "mqtt/load/packets.h"
#include "mqtt/load/process.h"
#include "mqtt/load/sessions.h"

#define READ_SIZE 262144
#define EVENTS 512
#define STALLED_BUFFER 65536
#define SECOND 1000000000ull
#define GIVE_UP_AFTER (5 * SECOND)
// Of a stalled subscriber that reads now and then.
#define SIPS_PER_SECOND 100
// One latency in so many is kept.
#define LATENCY_SAMPLE 8

struct options {
  struct link_options link;
  struct login login;
  const char *prefix;
  int publishers, subscribers, topics, fan_in, qos, size, window, batch, stalled, stalled_rate;
  int lasts, offline, messages, keep, resume, slash;
  int idle, subscriptions, hold, pid;
  double seconds, warmup;
};

enum role { PUBLISHER, SUBSCRIBER, STALLED };

struct client {
  enum role role;
  int index;
  struct link link;
  // epoll tells when the kernel takes more.
  bool waits_to_write;
  // A publisher's: what it has sent, what came back of it, and whether it stands in the line of those who may send.
  uint64_t sent, delivered, acknowledged;
  uint16_t packet_id;
  struct publish publish;
  bool is_in_line;
};

// What the first twelve bytes of a payload say.
struct stamp {
  uint64_t sent_at;
  uint32_t publisher;
} __attribute__((packed));

static struct options options = {
    .link.port = 1883, .publishers = 1, .subscribers = 1, .topics = 1, .size = 100, .window = 1000, .batch = 64,
    .prefix = "bench", .subscriptions = 1, .seconds = 2, .warmup = 0.5,
};

static struct {
  int epoll;
  struct client *clients;
  int count;
  // Publishers that may have room in their window.
  struct client **line;
  int in_line;
  int window_each;
  // Deliveries that one message must have.
  int copies;
  bool measures;
  uint64_t delivered, published, acknowledged;
  struct latencies latencies;
} load;

static void read_options(int count, char **words) {
  struct { const char *name; int *number; } numbers[] = {
      {"port", &options.link.port},      {"publishers", &options.publishers}, {"subscribers", &options.subscribers},
      {"topics", &options.topics},       {"fan_in", &options.fan_in},         {"qos", &options.qos},
      {"size", &options.size},           {"window", &options.window},         {"batch", &options.batch},
      {"stalled", &options.stalled},     {"stalled_rate", &options.stalled_rate}, {"idle", &options.idle},
      {"subscriptions", &options.subscriptions}, {"hold", &options.hold},     {"pid", &options.pid},
      {"lasts", &options.lasts},         {"offline", &options.offline},       {"messages", &options.messages},
      {"keep", &options.keep},           {"resume", &options.resume},         {"slash", &options.slash},
  };
  for (int i = 1; i < count; i++) {
    char *value = strchr(words[i], '=');
    errno = 0;
    if (!value) fail("options are key=value");
    *value++ = 0;
    bool known = true;
    if (!strcmp(words[i], "user")) options.login.user = value;
    else if (!strcmp(words[i], "password")) options.login.password = value;
    else if (!strcmp(words[i], "prefix")) options.prefix = value;
    else if (!strcmp(words[i], "seconds")) options.seconds = atof(value);
    else if (!strcmp(words[i], "warmup")) options.warmup = atof(value);
    else if (!strcmp(words[i], "tls")) options.link.tls = atoi(value);
    else if (!strcmp(words[i], "websocket")) options.link.websocket = atoi(value);
    else known = false;
    for (size_t k = 0; !known && k < sizeof numbers / sizeof *numbers; k++) {
      if (strcmp(words[i], numbers[k].name) != 0) continue;
      *numbers[k].number = atoi(value);
      known = true;
    }
    if (!known) {
      fprintf(stderr, "mqtt-load: there is no option %s\n", words[i]);
      exit(2);
    }
  }
  if (options.size < (int)sizeof(struct stamp)) fail("size must be at least 12");
}

static void watch(struct client *client, int operation) {
  struct epoll_event event = {.events = EPOLLIN | (client->waits_to_write ? EPOLLOUT : 0), .data.ptr = client};
  epoll_ctl(load.epoll, operation, client->link.fd, &event);
}

static void flush(struct client *client) {
  bool blocked = !link_flush(&client->link);
  if (blocked == client->waits_to_write) return;
  client->waits_to_write = blocked;
  watch(client, EPOLL_CTL_MOD);
}

static void queue_up(struct client *publisher) {
  if (publisher->is_in_line) return;
  publisher->is_in_line = true;
  load.line[load.in_line++] = publisher;
}

// Messages of it that have arrived wherever they should.
static uint64_t settled(const struct client *publisher) {
  uint64_t arrived = load.copies > 0 ? publisher->delivered / (uint64_t)load.copies : publisher->acknowledged;
  return options.qos > 0 && publisher->acknowledged < arrived ? publisher->acknowledged : arrived;
}

// Fills its window, at most a batch in one write; true: it could go on at once.
static bool publish(struct client *publisher) {
  struct publish *message = &publisher->publish;
  struct stamp stamp = {.sent_at = now_ns(), .publisher = (uint32_t)publisher->index};
  int count = 0;
  if (publisher->waits_to_write) return false;
  while (count < options.batch && publisher->sent - settled(publisher) < (uint64_t)load.window_each) {
    if (options.messages > 0 && load.published + (uint64_t)count == (uint64_t)options.messages) break;
    memcpy(message->bytes + message->payload_at, &stamp, sizeof stamp);
    if (options.topics > 1) publish_set_digits(message, (unsigned)(publisher->sent % (uint64_t)options.topics));
    if (options.qos > 0) {
      if (++publisher->packet_id == 0) publisher->packet_id = 1;
      publish_set_packet_id(message, publisher->packet_id);
    }
    link_put(&publisher->link, message->bytes, message->length);
    publisher->sent++;
    count++;
  }
  load.published += (uint64_t)count;
  if (count > 0) flush(publisher);
  return count == options.batch && !publisher->waits_to_write;
}

static void publish_all(void) {
  int waiting = load.in_line;
  load.in_line = 0;
  // Who goes back in line stands behind all that are read here, or where one of them stood.
  for (int i = 0; i < waiting; i++) {
    struct client *publisher = load.line[i];
    publisher->is_in_line = false;
    if (publish(publisher)) queue_up(publisher);
  }
}

static void arrived(struct client *client, const struct packet *packet, uint64_t now) {
  size_t topic_end = 2 + ((size_t)packet->body[0] << 8 | packet->body[1]);
  size_t payload_at = topic_end;
  if (packet->flags >> 1 & 3) {
    uint8_t puback[4] = {PUBACK << 4, 2, packet->body[topic_end], packet->body[topic_end + 1]};
    link_put(&client->link, puback, sizeof puback);
    payload_at += 2;
  }
  // A stalled one holds nobody up.
  if (client->role == STALLED) return;
  struct stamp stamp;
  memcpy(&stamp, packet->body + payload_at, sizeof stamp);
  struct client *publisher = &load.clients[stamp.publisher];
  publisher->delivered++;
  load.delivered++;
  if (load.measures && load.delivered % LATENCY_SAMPLE == 0) latencies_add(&load.latencies, now - stamp.sent_at);
  if (publisher->delivered % (uint64_t)load.copies == 0) queue_up(publisher);
}

static void receive(struct client *client, size_t most) {
  if (!link_receive(&client->link, most)) return;
  uint64_t now = now_ns();
  struct packet packet;
  while (packet_next(&client->link.in, &packet)) {
    if (packet.type == PUBLISH) {
      arrived(client, &packet, now);
    } else if (packet.type == PUBACK) {
      client->acknowledged++;
      load.acknowledged++;
      queue_up(client);
    }
  }
  packets_done(&client->link.in);
  if (client->link.out.end > 0) flush(client);
}

static void open_client(struct client *client, enum role role, int index) {
  char id[40], topic[1][64];
  struct link_options link = options.link;
  struct login login = options.login;
  client->role = role;
  client->index = index;
  if (role == STALLED) link.receive_buffer = STALLED_BUFFER;
  login.lasts = role == SUBSCRIBER && options.lasts;
  // The first to come is the first subscriber.
  if (load.count > options.publishers) link.awake = &load.clients[options.publishers].link;
  snprintf(id, sizeof id, "load%d_%d", getpid(), index);
  link_open(&client->link, &link, index);
  mqtt_connect(&client->link, id, &login);
  if (role == PUBLISHER) {
    snprintf(topic[0], sizeof topic[0], options.slash ? "%s/%d/0000/" : "%s/%d/0000", options.prefix, index);
    client->publish = publish_make(topic[0], options.qos, (size_t)options.size);
  } else {
    snprintf(topic[0], sizeof topic[0], options.fan_in ? "%s/#" : "%s/0/#", options.prefix);
    mqtt_subscribe(&client->link, topic, 1, options.qos);
  }
  link_unblock(&client->link);
  if (role != STALLED) watch(client, EPOLL_CTL_ADD);
}

// What a load has left of sessions that outlive their connections.
static void end_sessions(void) {
  char id[40];
  if (!options.keep) sessions_end(&options.link, &options.login, options.offline);
  if (!options.lasts) return;
  for (int i = 0; i < load.count; i++) {
    if (load.clients[i].role != SUBSCRIBER) continue;
    link_close(&load.clients[i].link);
    snprintf(id, sizeof id, "load%d_%d", getpid(), i);
    session_end(&options.link, &options.login, id);
  }
}

// Subscribers first, so that the first message has somebody to go to.
static void open_all(void) {
  int publishers = options.publishers, others = options.subscribers + options.stalled;
  load.count = publishers + others;
  load.clients = calloc((size_t)load.count, sizeof *load.clients);
  load.line = calloc((size_t)publishers, sizeof *load.line);
  load.epoll = epoll_create1(0);
  load.window_each = options.window / publishers > 0 ? options.window / publishers : 1;
  load.copies = options.subscribers;
  for (int i = 0; i < others; i++)
    open_client(&load.clients[publishers + i], i < options.subscribers ? SUBSCRIBER : STALLED, publishers + i);
  for (int i = 0; i < publishers; i++) open_client(&load.clients[i], PUBLISHER, i);
}

static void sip(void) {
  for (int i = 0; i < load.count; i++) {
    struct client *client = &load.clients[i];
    if (client->role == STALLED) receive(client, (size_t)options.stalled_rate / SIPS_PER_SECOND);
  }
}

static void turn(int timeout) {
  struct epoll_event events[EVENTS];
  int count = epoll_wait(load.epoll, events, EVENTS, timeout);
  for (int i = 0; i < count; i++) {
    struct client *client = events[i].data.ptr;
    if (events[i].events & EPOLLOUT) {
      flush(client);
      if (client->role == PUBLISHER) queue_up(client);
    }
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(client, READ_SIZE);
  }
}

static int run_load(void) {
  sessions_begin(&options.link, &options.login, options.offline, options.prefix);
  open_all();
  usleep(100000);
  uint64_t begun = now_ns(), measured_from = begun + (uint64_t)(options.warmup * SECOND);
  uint64_t until = measured_from + (uint64_t)(options.seconds * SECOND);
  uint64_t progress_at = begun, progress = 0, sip_at = begun, delivered_before = 0, published_before = 0, acknowledged_before = 0;
  double cpu_before = 0;
  struct usage server_before = {0};
  for (int i = 0; i < options.publishers; i++) queue_up(&load.clients[i]);
  bool is_over = false;
  for (uint64_t now = begun; !is_over; now = now_ns()) {
    if (!load.measures && now >= measured_from) {
      load.measures = true;
      measured_from = now;
      delivered_before = load.delivered;
      published_before = load.published;
      acknowledged_before = load.acknowledged;
      cpu_before = own_cpu();
      server_before = usage_of(options.pid);
    }
    publish_all();
    turn(load.in_line > 0 ? 0 : 1000 / SIPS_PER_SECOND);
    if (options.stalled_rate > 0 && now >= sip_at) {
      sip_at = now + SECOND / SIPS_PER_SECOND;
      sip();
    }
    is_over = options.messages > 0 ? load.acknowledged == (uint64_t)options.messages : now >= until;
    uint64_t total = load.delivered + (load.copies == 0 ? load.published + load.acknowledged : 0);
    if (total != progress) {
      progress = total;
      progress_at = now;
    } else if (now - progress_at > GIVE_UP_AFTER) {
      fprintf(stderr, "mqtt-load: nothing has arrived for 5 s; messages were lost\n");
      return 3;
    }
  }
  double elapsed = (double)(now_ns() - measured_from) / (double)SECOND;
  struct usage server = usage_of(options.pid);
  printf("{\"published_per_s\":%.0f,\"delivered_per_s\":%.0f,\"acknowledged_per_s\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
         "\"load_cpu\":%.2f,\"server_cpu\":%.2f,\"rss_kib\":%ld,\"peak_rss_kib\":%ld}\n",
         (double)(load.published - published_before) / elapsed, (double)(load.delivered - delivered_before) / elapsed,
         (double)(load.acknowledged - acknowledged_before) / elapsed,
         latencies_part(&load.latencies, 0.5), latencies_part(&load.latencies, 0.99),
         latencies_part(&load.latencies, 0.999), (own_cpu() - cpu_before) / elapsed,
         (server.cpu - server_before.cpu) / elapsed, server.rss_kib, server.peak_rss_kib);
  fflush(stdout);
  end_sessions();
  return 0;
}

int main(int count, char **words) {
  read_options(count, words);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (options.resume > 0) return session_resume(&options.link, &options.login, options.resume, options.pid);
  struct idle idle = {options.idle, options.subscriptions, options.hold, options.pid, options.seconds};
  return options.idle > 0 ? run_idle(&options.link, &options.login, &idle) : run_load();
}
