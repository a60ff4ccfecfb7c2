// Connections that do nothing, and what they cost.
#ifndef IDLE_H
#define IDLE_H

#include "packets.h"

struct idle {
  int connections, subscriptions;
  // They stay until standard input ends.
  int hold;
  // Of the server.
  int pid;
  double seconds;
};

// Prints what was found as a JSON object; the exit status.
int run_idle(const struct link_options *to, const struct login *login, const struct idle *options);

#endif
