#define _GNU_SOURCE
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

// Connections of one source address, far below its ports.
#define PER_ADDRESS 20000

_Noreturn void fail(const char *what) {
  fprintf(stderr, "mqtt-load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
  exit(2);
}

uint8_t *buffer_room(struct buffer *buffer, size_t size) {
  if (buffer->end + size > buffer->capacity) {
    buffer->capacity = (buffer->end + size) * 2;
    buffer->bytes = realloc(buffer->bytes, buffer->capacity);
    if (!buffer->bytes) fail("out of memory");
  }
  return buffer->bytes + buffer->end;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t size) {
  memcpy(buffer_room(buffer, size), bytes, size);
  buffer->end += size;
}

void buffer_consume(struct buffer *buffer, size_t size) {
  buffer->start += size;
  if (buffer->start == buffer->end) {
    buffer->start = buffer->end = 0;
  } else if (buffer->start > buffer->capacity / 2) {
    memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->end - buffer->start);
    buffer->end -= buffer->start;
    buffer->start = 0;
  }
}

// The bare wire: TCP or TLS. Like send and recv; -1 with EAGAIN if it would block.

static ssize_t wire_write(struct link *link, const uint8_t *bytes, size_t size) {
#ifdef WITH_TLS
  if (link->tls) {
    int sent = SSL_write(link->tls, bytes, (int)size);
    if (sent > 0) return sent;
    errno = SSL_get_error(link->tls, sent) == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
  }
#endif
  return send(link->fd, bytes, size, MSG_NOSIGNAL);
}

static ssize_t wire_read(struct link *link, uint8_t *bytes, size_t size) {
#ifdef WITH_TLS
  if (link->tls) {
    int got = SSL_read(link->tls, bytes, (int)size);
    if (got > 0) return got;
    int error = SSL_get_error(link->tls, got);
    if (error == SSL_ERROR_ZERO_RETURN) return 0;
    errno = error == SSL_ERROR_WANT_READ ? EAGAIN : EPROTO;
    return -1;
  }
#endif
  return recv(link->fd, bytes, size, 0);
}

#ifdef WITH_TLS
// Whoever the server is: this measures, it trusts nobody with anything.
static void secure(struct link *link) {
  static SSL_CTX *context;
  if (!context) {
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }
  link->tls = SSL_new(context);
  SSL_set_fd(link->tls, link->fd);
  if (SSL_connect(link->tls) != 1) fail("the TLS handshake failed");
}
#else
static void secure(struct link *link) {
  (void)link;
  errno = 0;
  fail("it was built without TLS (the headers of OpenSSL were missing)");
}
#endif

// Until the answer is there: see link_options. What comes of it is read and forgotten with the rest of a load.
static void keep_awake(struct link *awake, int fd) {
  static const uint8_t pingreq[] = {0x82, 0x82, 0, 0, 0, 0, 0xc0, 0};
  struct pollfd waiting = {.fd = fd, .events = POLLIN};
  while (poll(&waiting, 1, 1) == 0)
    if (wire_write(awake, pingreq, sizeof pingreq) < 0) fail("a ping could not be sent");
}

// RFC 6455 §4. The key may be any, the answer is not looked at further: who answers 101 has understood.
static void upgrade(struct link *link, struct link *awake) {
  static const char request[] =
      "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Protocol: mqtt\r\n\r\n";
  char answer[2048];
  size_t length = 0;
  if (wire_write(link, (const uint8_t *)request, sizeof request - 1) < 0) fail("the upgrade could not be sent");
  if (awake && awake != link && awake->fd != 0) keep_awake(awake, link->fd);
  // Byte by byte: what follows the empty line belongs to MQTT.
  do {
    if (length == sizeof answer - 1 || wire_read(link, (uint8_t *)answer + length, 1) != 1) fail("no upgrade");
    answer[++length] = 0;
  } while (!strstr(answer, "\r\n\r\n"));
  errno = 0;
  if (strncmp(answer, "HTTP/1.1 101", 12) != 0) fail("the server did not upgrade to WebSocket");
}

void link_open(struct link *link, const struct link_options *options, int number) {
  memset(link, 0, sizeof *link);
  int yes = 1;
  link->blocks = true;
  link->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (link->fd < 0) fail("no socket (ulimit -n?)");
  setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (options->receive_buffer)
    setsockopt(link->fd, SOL_SOCKET, SO_RCVBUF, &options->receive_buffer, sizeof options->receive_buffer);
  if (number >= PER_ADDRESS) {
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + number / PER_ADDRESS)};
    setsockopt(link->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (bind(link->fd, (struct sockaddr *)&from, sizeof from)) fail("no source address");
  }
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)options->port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(link->fd, (struct sockaddr *)&to, sizeof to)) fail("no connection");
  if (options->tls) secure(link);
  if (options->websocket) upgrade(link, options->awake);
  link->websocket = options->websocket;
}

void link_unblock(struct link *link) {
  link->blocks = false;
  fcntl(link->fd, F_SETFL, O_NONBLOCK);
}

void link_put(struct link *link, const void *bytes, size_t size) { buffer_append(&link->out, bytes, size); }

// RFC 6455 §5.2: all that is in line becomes one binary frame. A client masks; with the key 0 the bytes stay what they are.
static void frame(struct link *link) {
  struct buffer *out = &link->out;
  size_t length = out->end - link->unframed_at;
  if (length == 0) return;
  uint8_t header[14] = {0x82};
  size_t size = 2;
  if (length < 126) {
    header[1] = (uint8_t)(0x80 | length);
  } else if (length < 65536) {
    header[1] = 0x80 | 126;
    for (int shift = 8; shift >= 0; shift -= 8) header[size++] = (uint8_t)(length >> shift);
  } else {
    header[1] = 0x80 | 127;
    for (int shift = 56; shift >= 0; shift -= 8) header[size++] = (uint8_t)(length >> shift);
  }
  size += 4;
  buffer_room(out, size);
  memmove(out->bytes + link->unframed_at + size, out->bytes + link->unframed_at, length);
  memcpy(out->bytes + link->unframed_at, header, size);
  out->end += size;
  link->unframed_at = out->end;
}

bool link_flush(struct link *link) {
  struct buffer *out = &link->out;
  if (link->websocket) frame(link);
  while (out->start < out->end) {
    ssize_t sent = wire_write(link, out->bytes + out->start, out->end - out->start);
    if (sent < 0) {
      if (errno == EAGAIN) return false;
      fail("the server does not take what is sent");
    }
    out->start += (size_t)sent;
  }
  out->start = out->end = link->unframed_at = 0;
  return true;
}

// Takes frames off: `raw` → `in`. A server does not mask.
static void unframe(struct link *link) {
  struct buffer *raw = &link->raw;
  for (;;) {
    size_t have = raw->end - raw->start;
    const uint8_t *at = raw->bytes + raw->start;
    if (link->frame_left > 0) {
      size_t part = have < link->frame_left ? have : link->frame_left;
      if (part == 0) return;
      buffer_append(&link->in, at, part);
      link->frame_left -= part;
      buffer_consume(raw, part);
      continue;
    }
    if (have < 2) return;
    size_t extra = (at[1] & 0x7f) == 126 ? 2 : (at[1] & 0x7f) == 127 ? 8 : 0;
    if (have < 2 + extra) return;
    errno = 0;
    if ((at[0] & 0x0f) == 8) fail("the server closed a WebSocket");
    uint64_t length = extra ? 0 : at[1];
    for (size_t i = 0; i < extra; i++) length = length << 8 | at[2 + i];
    link->frame_left = length;
    buffer_consume(raw, 2 + extra);
  }
}

bool link_receive(struct link *link, size_t most) {
  struct buffer *into = link->websocket ? &link->raw : &link->in;
  bool any = false;
  do {
    ssize_t got = wire_read(link, buffer_room(into, most), most);
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) {
      if (got == 0) errno = 0;
      fail("the server has closed a connection");
    }
    into->end += (size_t)got;
    any = true;
    // A record of TLS is 16 KiB: several make what TCP gives at once.
  } while (link->tls && !link->blocks && into->end - into->start < most);
  if (link->websocket) unframe(link);
  return any;
}

void link_close(struct link *link) {
#ifdef WITH_TLS
  if (link->tls) SSL_free(link->tls);
#endif
  close(link->fd);
  free(link->in.bytes);
  free(link->out.bytes);
  free(link->raw.bytes);
}
