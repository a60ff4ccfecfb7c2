// How bytes of MQTT get to a server and back: TCP, TLS or WebSocket. Opened while it may block, used while it may not.
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// bytes[start, end) are waiting.
struct buffer {
  uint8_t *bytes;
  size_t start, end, capacity;
};

// Room for `size` more bytes behind the end.
uint8_t *buffer_room(struct buffer *buffer, size_t size);
void buffer_append(struct buffer *buffer, const void *bytes, size_t size);
// The first `size` bytes are done with.
void buffer_consume(struct buffer *buffer, size_t size);

struct link_options {
  int port;
  bool tls, websocket;
  // Bytes that the kernel keeps for a client that does not read; 0: its own choice.
  int receive_buffer;
  // WebSocket: one that is open and may ping while others come. Mosquitto 2.0 looks for new ones, and for what they ask,
  // only when something else wakes it or 100 ms have passed: a thousand would take more than three minutes.
  struct link *awake;
};

struct link {
  int fd;
  struct ssl_st *tls;
  bool websocket;
  // Still in its handshakes.
  bool blocks;
  // MQTT both ways; `out` is what the wire gets, `in` what it brought, frames of WebSocket taken off.
  struct buffer in, out;
  // WebSocket: what came and is not taken apart yet, the rest of the frame before, and what of `out` has no frame yet.
  struct buffer raw;
  uint64_t frame_left;
  size_t unframed_at;
};

// Connects and shakes hands; ends the program with a message if that fails. `number` spreads many over source addresses.
void link_open(struct link *link, const struct link_options *options, int number);
// From now on nothing blocks.
void link_unblock(struct link *link);
// Puts bytes in line.
void link_put(struct link *link, const void *bytes, size_t size);
// Writes what is in line; false: the kernel takes no more for now.
bool link_flush(struct link *link);
// Reads once, at most `most` bytes if it is TCP; false: nothing came. Ends the program if the server has closed.
bool link_receive(struct link *link, size_t most);

// Closes it; its memory is free.
void link_close(struct link *link);

// Ends the program: what was tried, and errno if it says something.
_Noreturn void fail(const char *what);

#endif
