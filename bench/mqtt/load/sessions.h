// Sessions that outlive their connections: offline_<n>, which want everything under a prefix at QoS 1.
#ifndef SESSIONS_H
#define SESSIONS_H

#include "packets.h"

// They are there, without a connection and without a message.
void sessions_begin(const struct link_options *to, const struct login *login, int count, const char *prefix);
// And are no more.
void sessions_end(const struct link_options *to, const struct login *login, int count);
void session_end(const struct link_options *to, const struct login *login, const char *client_id);

// The first of them comes back, takes so many messages and acknowledges each. Prints what it took as a JSON object; the
// exit status. `pid`: of the server.
int session_resume(const struct link_options *to, const struct login *login, int messages, int pid);

#endif
