/*
 * The physical floor of `npm run bench`: a server that does nothing but write the same bytes as the gateway.
 *
 * One thread, epoll. It answers any request with the head of an event stream, makes events `data: <sequence>
 * <microseconds> …` at the given rate from SIGUSR1 until SIGUSR2, and writes them to every stream. All streams share
 * one buffer and each is an offset in it, so a write carries all events since the last one: the least work for a
 * server that writes to each socket. Events are made in ticks, as by the publisher of the other servers, since a tick is
 * the least that one write coalesces. At SIGUSR2 it prints the number of its events. It has no event log, no HTTP parser,
 * no channels, no heartbeats and no ingest.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  MADE_BYTES = 64 << 20,    /* of events kept: a power of two */
  WRITE_BYTES = 64 << 10,   /* of one write */
  EVENT_BYTES = 4096,
  BATCH = 512,
  STREAMS = 65536,
};

typedef struct {
  int fd;
  int place;
  uint64_t sent; /* position of its next byte */
} Stream;

static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream;charset=utf-8\r\nCache-Control: no-cache, no-transform\r\n"
                           "Connection: keep-alive\r\nX-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n:ok\n\n\r\n";

static Stream *streams[STREAMS];
static int open_streams, poller;
static char *made;
static uint64_t made_end;
static volatile sig_atomic_t running, told;

static void on_signal(int signal) {
  if (signal == SIGUSR1) running = 1;
  else running = 0, told = 1;
}

static double clock_s(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void drop(Stream *stream) {
  Stream *last = streams[--open_streams];
  streams[stream->place] = last;
  last->place = stream->place;
  close(stream->fd);
  free(stream);
}

static void keep(const char *bytes, size_t length) {
  size_t at = made_end % MADE_BYTES, first = MADE_BYTES - at < length ? MADE_BYTES - at : length;
  memcpy(made + at, bytes, first);
  memcpy(made, bytes + first, length - first);
  made_end += length;
}

static void make_event(uint64_t sequence, int id_bytes, int data_bytes) {
  char data[EVENT_BYTES], event[EVENT_BYTES * 2], framed[EVENT_BYTES * 2 + 32];
  int length = snprintf(data, sizeof data, "%lu %.0f ", sequence, clock_s(CLOCK_REALTIME) * 1e6);
  while (length < data_bytes) data[length++] = 'x';
  data[length] = 0;
  int size = snprintf(event, sizeof event, "id: %0*lu\ndata: %s\n\n", id_bytes, sequence, data);
  size = snprintf(framed, sizeof framed, "%x\r\n%s\r\n", size, event);
  keep(framed, (size_t)size);
}

/* False when the stream is closed. */
static bool write_to(Stream *stream) {
  if (made_end - stream->sent > MADE_BYTES) {
    fprintf(stderr, "floor: a stream is further behind than what is kept\n");
    drop(stream);
    return false;
  }
  while (stream->sent < made_end) {
    size_t at = stream->sent % MADE_BYTES, length = made_end - stream->sent;
    if (length > WRITE_BYTES) length = WRITE_BYTES;
    if (length > MADE_BYTES - at) length = MADE_BYTES - at;
    ssize_t written = send(stream->fd, made + at, length, MSG_NOSIGNAL);
    if (written < 0) {
      if (errno == EAGAIN) return true;
      drop(stream);
      return false;
    }
    stream->sent += (uint64_t)written;
    if ((size_t)written < length) return true;
  }
  return true;
}

static void accept_all(int listener) {
  int fd, on = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    if (open_streams == STREAMS) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Stream *stream = malloc(sizeof *stream);
    /* It gets nothing before its request has arrived. */
    *stream = (Stream){.fd = fd, .place = open_streams, .sent = UINT64_MAX};
    streams[open_streams++] = stream;
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = stream};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &interest);
  }
}

static void readable(Stream *stream) {
  char request[4096];
  ssize_t length = read(stream->fd, request, sizeof request);
  if (length < 0 && errno == EAGAIN) return;
  if (length <= 0 || (stream->sent == UINT64_MAX && send(stream->fd, HEAD, sizeof HEAD - 1, MSG_NOSIGNAL) < 0)) {
    drop(stream);
    return;
  }
  if (stream->sent == UINT64_MAX) stream->sent = made_end;
}

static void usage(FILE *out) {
  fputs("Usage: floor [--events-per-s RATE] [--tick-ms MS] [--data-bytes N] [--id-bytes N]\n\n"
        "Listens on a free port of 127.0.0.1 and prints it. SIGUSR1 begins, SIGUSR2 ends the making of events.\n", out);
}

int main(int argc, char **argv) {
  double rate = 1, tick_s = 0.005;
  int data_bytes = 64, id_bytes = 20, name;
  static const struct option known[] = {
    {"events-per-s", 1, 0, 'r'}, {"tick-ms", 1, 0, 't'}, {"data-bytes", 1, 0, 'd'}, {"id-bytes", 1, 0, 'i'}, {"help", 0, 0, 'h'}, {0, 0, 0, 0}};
  while ((name = getopt_long(argc, argv, "", known, NULL)) != -1) switch (name) {
    case 'r': rate = atof(optarg); break;
    case 't': tick_s = atof(optarg) / 1e3; break;
    case 'd': data_bytes = atoi(optarg); break;
    case 'i': id_bytes = atoi(optarg); break;
    case 'h': usage(stdout); return 0;
    default: usage(stderr); return 2;
  }
  if (rate <= 0 || tick_s <= 0 || data_bytes < 0 || data_bytes > EVENT_BYTES - 64 || id_bytes < 1 || id_bytes > 200) {
    usage(stderr);
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);

  made = malloc(MADE_BYTES);
  poller = epoll_create1(EPOLL_CLOEXEC);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 4096) < 0) {
    perror("floor");
    return 1;
  }
  getsockname(listener, (struct sockaddr *)&address, &size);
  struct epoll_event interest = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &interest);
  printf("{\"port\":%d}\n", ntohs(address.sin_port));

  double began = 0;
  uint64_t sequence = 0;
  for (;;) {
    double now = clock_s(CLOCK_MONOTONIC);
    int wait_ms = 1000;
    if (running) {
      if (began == 0) began = now;
      double next = began + sequence / rate;
      /* At the end of the tick in which it is due. */
      next = began + ((uint64_t)((next - began) / tick_s) + 1) * tick_s;
      wait_ms = next > now ? (int)((next - now) * 1e3) + 1 : 0;
    }
    struct epoll_event ready[BATCH];
    int count = epoll_wait(poller, ready, BATCH, wait_ms);
    for (int i = 0; i < count; i++) {
      if (ready[i].data.ptr == NULL) accept_all(listener);
      else readable(ready[i].data.ptr);
    }
    if (running && began > 0) {
      double tick_end = began + (uint64_t)((clock_s(CLOCK_MONOTONIC) - began) / tick_s) * tick_s;
      while (began + sequence / rate < tick_end) make_event(sequence++, id_bytes, data_bytes);
    }
    bool behind = false;
    for (int i = open_streams - 1; i >= 0; i--) {
      if (streams[i]->sent < made_end && write_to(streams[i])) behind |= streams[i]->sent < made_end;
    }
    /* A full socket is tried again in the next pass. */
    if (behind && !running) usleep(1000);
    if (told) {
      told = 0;
      printf("{\"published\":%lu}\n", sequence);
    }
  }
}
