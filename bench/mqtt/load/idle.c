#define _GNU_SOURCE
#include "idle.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "process.h"

#define SECOND 1000000000ull
#define FILTERS_PER_PACKET 100

// dev/<client>/<n>/cmd, and for a tenth of them dev/<client>/+/<n>.
static void subscribe_idle(struct link *link, int index, int subscriptions) {
  char filters[FILTERS_PER_PACKET][64];
  for (int done = 0; done < subscriptions;) {
    int count = 0;
    for (; count < FILTERS_PER_PACKET && done < subscriptions; count++, done++)
      snprintf(filters[count], sizeof filters[count], done % 10 == 9 ? "dev/%d/+/%d" : "dev/%d/%d/cmd", index, done);
    mqtt_subscribe(link, filters, count, 0);
  }
}

int run_idle(const struct link_options *to, const struct login *login, const struct idle *options) {
  struct usage before = usage_of(options->pid);
  uint64_t begun = now_ns();
  for (int i = 0; i < options->connections; i++) {
    char id[40];
    // Only the descriptor stays: this program's own memory is not what is measured.
    struct link link;
    link_open(&link, to, i);
    snprintf(id, sizeof id, "idle%d_%d", getpid(), i);
    mqtt_connect(&link, id, login);
    subscribe_idle(&link, i, options->subscriptions);
    free(link.in.bytes);
    free(link.out.bytes);
    free(link.raw.bytes);
  }
  double connected_in = (double)(now_ns() - begun) / (double)SECOND;
  // What was garbage on the way has time to go.
  sleep(2);
  double cpu_before = usage_of(options->pid).cpu;
  usleep((useconds_t)(options->seconds * 1e6));
  struct usage after = usage_of(options->pid);
  printf("{\"connections\":%d,\"subscriptions\":%d,\"rss_before_kib\":%ld,\"rss_kib\":%ld,\"bytes_each\":%.0f,"
         "\"connects_per_s\":%.0f,\"idle_cpu\":%.3f}\n",
         options->connections, options->subscriptions, before.rss_kib, after.rss_kib,
         (double)(after.rss_kib - before.rss_kib) * 1024 / options->connections, options->connections / connected_in,
         (after.cpu - cpu_before) / options->seconds);
  fflush(stdout);
  if (options->hold)
    while (getchar() != EOF) continue;
  return 0;
}
