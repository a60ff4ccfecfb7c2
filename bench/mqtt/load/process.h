// What the server's process uses, and the clock.
#ifndef PROCESS_H
#define PROCESS_H

#include <stdint.h>

// Monotonic, nanoseconds.
uint64_t now_ns(void);

struct usage {
  // Seconds of processor, user and system together.
  double cpu;
  long rss_kib, peak_rss_kib;
};

// All 0 for pid 0.
struct usage usage_of(int pid);
double own_cpu(void);

// How often a latency came, in steps of about 3 %.
#define LATENCY_STEPS 32
struct latencies {
  uint64_t counts[64 * LATENCY_STEPS];
  uint64_t all;
};

void latencies_add(struct latencies *latencies, uint64_t ns);
// In microseconds; `part`: 0.5 for the median.
double latencies_part(const struct latencies *latencies, double part);

#endif
