/*
 * The load client of `npm run bench`: one process, one thread, many event streams.
 *
 * It opens N streams at a given rate, reads them all, and prints its figures as JSON lines on standard output, one per
 * phase: `connected`, `live` (every stream has had `gateway.live`: how long that took, and what came before it),
 * `measuring`, `measured` (the figures of the window), `result` (of the whole run, once nothing has come for a while or
 * all streams have ended). SIGUSR1 ends a window early, prints its figures as `window`, and begins the next one. An event
 * is a line `data: <sequence> <microseconds> …`, with the wall clock of its publisher; quotes around the data are fine.
 *
 * It must cost less than what it measures, so it keeps no event: it decodes the chunks, finds lines with memchr, and
 * copies at most the start of a line.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  LINE_BYTES = 64,        /* enough for the numbers of an event */
  REQUEST_BYTES = 16384,  /* enough for the longest id */
  READ_BYTES = 256 << 10,
  BATCH = 512,            /* epoll events a call */
  CONNECTING_LIMIT = 1000,
  STREAMS_PER_ADDRESS = 8000, /* a source address has at most 64,512 ports, shared with others */
  LATENCY_BUCKETS = 600000,   /* of 0.1 ms: up to a minute */
  SPREAD_SLOTS = 1 << 16,     /* events whose spread is measured, one per slot */
};

/* The name of the event that tells a stream that it has caught up. */
static const char LIVE_LINE[] = "event: gateway.live";

typedef enum { CLOSED, CONNECTING, HEAD, BODY } State;
typedef enum { SIZE, SIZE_END, DATA, DATA_END } ChunkState;

typedef struct {
  int fd;
  int index;
  State state;
  bool chunked;
  ChunkState chunk_state;
  uint64_t chunk_left;
  char line[LINE_BYTES]; /* of the head or the body, as far as it came with the last read */
  int line_length;
  int head_lines;
  uint64_t next_sequence;
  uint64_t events;
  double opened_at;
  bool live;
} Stream;

typedef struct {
  uint64_t sequence;
  double first, last;
  uint32_t arrivals;
} Spread;

static struct {
  const char *host, *path, *paths;
  int port, streams, pid;
  double rate, warmup_s, seconds, quiet_s, churn;
} options = {.host = "127.0.0.1", .path = "/events", .streams = 1000, .rate = 3000, .seconds = 10, .quiet_s = 2};

static Stream *streams;
static char **own_paths; /* of each stream, with --paths */
static int poller;
static double began, server_began;
static double *live_ms;
static int lives;
static volatile sig_atomic_t window_asked;
static int opened, answered, failed, ended, connecting, now_open, churned;
static double *first_byte_ms;
static int first_bytes;
static uint64_t events_total, bytes_total, gaps, repeats, unstamped;
static uint64_t window_events, window_bytes, window_reads;
static uint32_t *latencies;
static uint64_t latency_count;
static double latency_max, latency_sum, last_event_at;
static Spread *spreads;
static bool measuring;

static double clock_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

typedef struct {
  double user, system;
} Cpu;

/* Processor time of a process, in seconds: utime and stime of proc(5), all threads; 0 when there is none to look at. */
static Cpu cpu_of(int pid) {
  Cpu none = {0, 0};
  if (pid == 0) return none;
  char name[64], text[1024];
  snprintf(name, sizeof name, "/proc/%d/stat", pid);
  FILE *file = fopen(name, "r");
  if (file == NULL) return none;
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = 0;
  char *after = strrchr(text, ')');
  unsigned long user = 0, system = 0;
  if (after == NULL || sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) return none;
  double ticks = sysconf(_SC_CLK_TCK);
  return (Cpu){user / ticks, system / ticks};
}

static double own_cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void event(Stream *stream, const char *line, int length, double at) {
  const char *p = line + 5, *end = line + length;
  while (p < end && (*p == ' ' || *p == '"')) p++;
  uint64_t sequence = 0, stamp = 0;
  const char *digits = p;
  for (; p < end && *p >= '0' && *p <= '9'; p++) sequence = sequence * 10 + (uint64_t)(*p - '0');
  bool numbered = p > digits && p < end && *p == ' ';
  if (numbered) {
    for (p++, digits = p; p < end && *p >= '0' && *p <= '9'; p++) stamp = stamp * 10 + (uint64_t)(*p - '0');
    numbered = p > digits;
  }
  if (!numbered) {
    unstamped++;
    return;
  }
  events_total++;
  last_event_at = at;
  if (stream->events++ > 0) {
    if (sequence > stream->next_sequence) gaps += sequence - stream->next_sequence;
    else if (sequence < stream->next_sequence) repeats++;
  }
  stream->next_sequence = sequence + 1;
  if (!measuring) return;
  window_events++;
  double ms = at * 1e3 - stamp / 1e3;
  if (ms < 0) ms = 0;
  if (ms > latency_max) latency_max = ms;
  latency_sum += ms;
  latency_count++;
  int bucket = (int)(ms * 10);
  latencies[bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1]++;
  Spread *spread = &spreads[sequence % SPREAD_SLOTS];
  if (spread->arrivals == 0 || spread->sequence != sequence) *spread = (Spread){.sequence = sequence, .first = at};
  spread->last = at;
  spread->arrivals++;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Of sorted values; 0 when there are none. */
static double quantile(const double *values, int count, double q) {
  if (count == 0) return 0;
  int at = (int)(q * count);
  return values[at < count ? at : count - 1];
}

/* A stream has caught up. */
static void live(Stream *stream, double at) {
  if (stream->live) return;
  stream->live = true;
  live_ms[lives++] = (at - stream->opened_at) * 1e3;
  if (lives < options.streams) return;
  Cpu cpu = cpu_of(options.pid);
  uint64_t fewest = UINT64_MAX, most = 0;
  for (int i = 0; i < options.streams; i++) {
    if (streams[i].events < fewest) fewest = streams[i].events;
    if (streams[i].events > most) most = streams[i].events;
  }
  qsort(live_ms, (size_t)lives, sizeof *live_ms, ascending);
  printf("{\"phase\":\"live\",\"seconds\":%.3f,\"p50Ms\":%.1f,\"p99Ms\":%.1f,\"events\":%lu,\"fewest\":%lu,\"most\":%lu,"
         "\"gaps\":%lu,\"repeats\":%lu,\"bytes\":%lu,\"serverCpuS\":%.2f}\n",
         at - began, quantile(live_ms, lives, .5), quantile(live_ms, lives, .99), events_total, fewest, most, gaps, repeats, bytes_total,
         cpu.user + cpu.system - server_began);
}

static void line(Stream *stream, const char *p, int length, double at) {
  if (length > 5 && memcmp(p, "data:", 5) == 0) event(stream, p, length, at);
  else if (length == sizeof LIVE_LINE - 1 && memcmp(p, LIVE_LINE, sizeof LIVE_LINE - 1) == 0) live(stream, at);
}

/* Bytes of the stream, in pieces of any size. */
static void body(Stream *stream, const char *p, size_t length, double at) {
  const char *end = p + length;
  while (p < end) {
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    size_t piece = (size_t)((newline == NULL ? end : newline) - p);
    if (newline != NULL && stream->line_length == 0) {
      line(stream, p, (int)(piece < 256 ? piece : 256), at);
    } else {
      size_t room = (size_t)(LINE_BYTES - stream->line_length);
      size_t kept = piece < room ? piece : room;
      memcpy(stream->line + stream->line_length, p, kept);
      stream->line_length += (int)kept;
      if (newline != NULL) {
        line(stream, stream->line, stream->line_length, at);
        stream->line_length = 0;
      }
    }
    p += piece + (newline != NULL);
  }
}

/* Decodes chunks (RFC 9112 §7.1). */
static void chunks(Stream *stream, const char *p, size_t length, double at) {
  const char *end = p + length;
  while (p < end) {
    switch (stream->chunk_state) {
      case SIZE: {
        char c = *p++;
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (digit >= 0) stream->chunk_left = stream->chunk_left * 16 + (uint64_t)digit;
        else stream->chunk_state = SIZE_END, p--;
        break;
      }
      case SIZE_END:
        if (*p++ == '\n') stream->chunk_state = stream->chunk_left > 0 ? DATA : DATA_END;
        break;
      case DATA: {
        size_t piece = (size_t)(end - p) < stream->chunk_left ? (size_t)(end - p) : stream->chunk_left;
        body(stream, p, piece, at);
        p += piece;
        stream->chunk_left -= piece;
        if (stream->chunk_left == 0) stream->chunk_state = DATA_END;
        break;
      }
      case DATA_END:
        if (*p++ == '\n') stream->chunk_state = SIZE;
        break;
    }
  }
}

static void drop(Stream *stream) {
  if (stream->state == CONNECTING || stream->state == HEAD) {
    failed++;
    connecting--;
  } else ended++;
  now_open--;
  close(stream->fd);
  stream->state = CLOSED;
}

/* The head of the answer; the remaining bytes belong to the body. False: no event stream. */
static bool head(Stream *stream, const char **p, const char *end, double at) {
  while (*p < end) {
    char c = *(*p)++;
    if (c != '\n') {
      if (c != '\r' && stream->line_length < LINE_BYTES - 1) stream->line[stream->line_length++] = c;
      continue;
    }
    stream->line[stream->line_length] = 0;
    bool blank = stream->line_length == 0;
    stream->line_length = 0;
    if (stream->head_lines++ == 0 && strncmp(stream->line + 8, " 200", 4) != 0) return false;
    if (strcasecmp(stream->line, "transfer-encoding: chunked") == 0) stream->chunked = true;
    if (blank) {
      stream->state = BODY;
      connecting--;
      answered++;
      if (first_bytes < options.streams) first_byte_ms[first_bytes++] = (at - stream->opened_at) * 1e3;
      return true;
    }
  }
  return true;
}

static void readable(Stream *stream) {
  static char buffer[READ_BYTES];
  ssize_t length = read(stream->fd, buffer, sizeof buffer);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length <= 0) {
    drop(stream);
    return;
  }
  double at = clock_s();
  bytes_total += (uint64_t)length;
  if (measuring) window_bytes += (uint64_t)length, window_reads++;
  const char *p = buffer, *end = buffer + length;
  if (stream->state == HEAD && !head(stream, &p, end, at)) {
    drop(stream);
    return;
  }
  if (stream->state != BODY || p == end) return;
  if (stream->chunked) chunks(stream, p, (size_t)(end - p), at);
  else body(stream, p, (size_t)(end - p), at);
}

static void open_stream(Stream *stream, int index) {
  *stream = (Stream){.index = index, .opened_at = clock_s(), .state = CONNECTING};
  stream->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (stream->fd < 0) {
    fprintf(stderr, "load: stream %d: %s; raise the limit of open files (ulimit -n) or open fewer streams\n", index, strerror(errno));
    exit(1);
  }
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
  inet_pton(AF_INET, options.host, &to.sin_addr);
  if (strncmp(options.host, "127.", 4) == 0) {
    int late = 1;
    setsockopt(stream->fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)(index / STREAMS_PER_ADDRESS))};
    bind(stream->fd, (struct sockaddr *)&from, sizeof from);
  }
  connecting++;
  now_open++;
  if (connect(stream->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
    drop(stream);
    return;
  }
  struct epoll_event interest = {.events = EPOLLOUT, .data.ptr = stream};
  epoll_ctl(poller, EPOLL_CTL_ADD, stream->fd, &interest);
}

static void writable(Stream *stream) {
  int fault = 0;
  socklen_t size = sizeof fault;
  getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &fault, &size);
  static char path[REQUEST_BYTES], request[REQUEST_BYTES];
  /* `%d` in the path is the number of the stream. */
  const char *mark = own_paths == NULL ? strstr(options.path, "%d") : NULL;
  if (own_paths != NULL) snprintf(path, sizeof path, "%s", own_paths[stream->index]);
  else if (mark == NULL) snprintf(path, sizeof path, "%s", options.path);
  else snprintf(path, sizeof path, "%.*s%d%s", (int)(mark - options.path), options.path, stream->index, mark + 2);
  int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nAccept: text/event-stream\r\n\r\n", path,
                        options.host, options.port);
  if (length >= (int)sizeof request) fault = EMSGSIZE;
  if (fault != 0 || write(stream->fd, request, (size_t)length) != length) {
    drop(stream);
    return;
  }
  stream->state = HEAD;
  struct epoll_event interest = {.events = EPOLLIN, .data.ptr = stream};
  epoll_ctl(poller, EPOLL_CTL_MOD, stream->fd, &interest);
}

static double latency_quantile(double q) {
  uint64_t wanted = (uint64_t)(q * (double)latency_count), seen = 0;
  for (int i = 0; i < LATENCY_BUCKETS; i++) {
    seen += latencies[i];
    if (seen > wanted) return (i + 1) / 10.0;
  }
  return latency_max;
}

/* Time from the first stream that got an event to the last one, median over events. */
static double median_spread_ms(void) {
  double *found = malloc(SPREAD_SLOTS * sizeof *found);
  int count = 0;
  for (int i = 0; i < SPREAD_SLOTS; i++) {
    if (spreads[i].arrivals >= (uint32_t)options.streams) found[count++] = (spreads[i].last - spreads[i].first) * 1e3;
  }
  qsort(found, (size_t)count, sizeof *found, ascending);
  double median = quantile(found, count, 0.5);
  free(found);
  return median;
}

static void usage(FILE *out) {
  fputs("Usage: load --port PORT [--host ADDRESS] [--path PATH | --paths FILE] [--streams N] [--rate PER_S]\n"
        "            [--warmup-ms MS] [--seconds S] [--quiet-ms MS] [--churn PER_S] [--pid PID]\n\n"
        "  --path       %d in it is the number of the stream (/events)\n"
        "  --paths      a file with the path of each stream, one a line\n"
        "  --rate       streams opened each second (3000)\n"
        "  --warmup-ms  from the last stream's opening to the window (0)\n"
        "  --seconds    length of the window (10)\n"
        "  --quiet-ms   silence after the window that ends the run (2000)\n"
        "  --churn      streams closed and opened again each second, oldest first (0)\n"
        "  --pid        process whose processor time is taken at both ends of the window\n", out);
}

static void parse(int argc, char **argv) {
  static const struct option known[] = {
    {"host", 1, 0, 'H'}, {"port", 1, 0, 'p'}, {"path", 1, 0, 'u'}, {"paths", 1, 0, 'U'}, {"streams", 1, 0, 'n'}, {"rate", 1, 0, 'r'},
    {"warmup-ms", 1, 0, 'w'}, {"seconds", 1, 0, 's'}, {"quiet-ms", 1, 0, 'q'}, {"churn", 1, 0, 'c'}, {"pid", 1, 0, 'P'},
    {"help", 0, 0, 'h'}, {0, 0, 0, 0}};
  int name;
  while ((name = getopt_long(argc, argv, "", known, NULL)) != -1) switch (name) {
    case 'H': options.host = optarg; break;
    case 'p': options.port = atoi(optarg); break;
    case 'u': options.path = optarg; break;
    case 'U': options.paths = optarg; break;
    case 'n': options.streams = atoi(optarg); break;
    case 'r': options.rate = atof(optarg); break;
    case 'w': options.warmup_s = atof(optarg) / 1e3; break;
    case 's': options.seconds = atof(optarg); break;
    case 'q': options.quiet_s = atof(optarg) / 1e3; break;
    case 'c': options.churn = atof(optarg); break;
    case 'P': options.pid = atoi(optarg); break;
    case 'h': usage(stdout); exit(0);
    default: usage(stderr); exit(2);
  }
  if (options.port <= 0 || options.streams <= 0 || options.rate <= 0) {
    usage(stderr);
    exit(2);
  }
}

static void read_paths(void) {
  FILE *file = fopen(options.paths, "r");
  own_paths = calloc((size_t)options.streams, sizeof *own_paths);
  for (int i = 0; i < options.streams; i++) {
    size_t size = 0;
    ssize_t length = file == NULL ? -1 : getline(&own_paths[i], &size, file);
    if (length <= 0) {
      fprintf(stderr, "load: %s does not have the paths of %d streams\n", options.paths, options.streams);
      exit(1);
    }
    if (own_paths[i][length - 1] == '\n') own_paths[i][length - 1] = 0;
  }
  fclose(file);
}

static void on_window(int signal) {
  (void)signal;
  window_asked = 1;
}

/* The figures of the window that began at `from`. */
static void report(const char *phase, double from, double now, Cpu server, double client) {
  Cpu cpu = cpu_of(options.pid);
  cpu.user -= server.user;
  cpu.system -= server.system;
  printf("{\"phase\":\"%s\",\"seconds\":%.4f,\"events\":%lu,\"bytes\":%lu,\"reads\":%lu,\"meanMs\":%.2f,\"p50Ms\":%.1f,"
         "\"p99Ms\":%.1f,\"maxMs\":%.1f,\"spreadMs\":%.2f,\"serverCpuS\":%.3f,\"serverUserS\":%.3f,\"clientCpuS\":%.3f}\n",
         phase, now - from, window_events, window_bytes, window_reads, latency_count ? latency_sum / latency_count : 0,
         latency_quantile(.5), latency_quantile(.99), latency_max, median_spread_ms(), cpu.user + cpu.system, cpu.user,
         own_cpu() - client);
}

static void clear_window(void) {
  window_events = window_bytes = window_reads = latency_count = 0;
  latency_sum = latency_max = 0;
  memset(latencies, 0, LATENCY_BUCKETS * sizeof *latencies);
  memset(spreads, 0, SPREAD_SLOTS * sizeof *spreads);
}

int main(int argc, char **argv) {
  parse(argc, argv);
  if (options.paths != NULL) read_paths();
  signal(SIGUSR1, on_window);
  setvbuf(stdout, NULL, _IOLBF, 0);
  poller = epoll_create1(EPOLL_CLOEXEC);
  streams = calloc((size_t)options.streams, sizeof *streams);
  first_byte_ms = calloc((size_t)options.streams, sizeof *first_byte_ms);
  live_ms = calloc((size_t)options.streams, sizeof *live_ms);
  latencies = calloc(LATENCY_BUCKETS, sizeof *latencies);
  spreads = calloc(SPREAD_SLOTS, sizeof *spreads);

  enum { OPENING, WARMING, MEASURING, ENDING } phase = OPENING;
  began = clock_s();
  Cpu cpu_before = cpu_of(options.pid);
  server_began = cpu_before.user + cpu_before.system;
  double phase_at = began, client_cpu = 0;
  Cpu server_cpu = {0, 0};
  for (;;) {
    double now = clock_s();
    int due = (int)((now - began) * options.rate) + 1;
    if (due > options.streams) due = options.streams;
    while (opened < due && connecting < CONNECTING_LIMIT) {
      open_stream(&streams[opened], opened);
      opened++;
    }

    if (phase == OPENING && opened == options.streams && connecting == 0) {
      double *sorted = malloc((size_t)first_bytes * sizeof *sorted + 1);
      memcpy(sorted, first_byte_ms, (size_t)first_bytes * sizeof *sorted);
      qsort(sorted, (size_t)first_bytes, sizeof *sorted, ascending);
      printf("{\"phase\":\"connected\",\"streams\":%d,\"failed\":%d,\"seconds\":%.3f,\"perS\":%.1f,\"firstByteP50Ms\":%.2f,"
             "\"firstByteP99Ms\":%.2f,\"firstByteMaxMs\":%.2f}\n",
             answered, failed, now - began, answered / (now - began), quantile(sorted, first_bytes, .5),
             quantile(sorted, first_bytes, .99), quantile(sorted, first_bytes, 1));
      free(sorted);
      phase = WARMING;
      phase_at = now;
    }
    if (phase == WARMING && now >= phase_at + options.warmup_s) {
      phase = MEASURING;
      phase_at = now;
      server_cpu = cpu_of(options.pid);
      client_cpu = own_cpu();
      measuring = true;
      printf("{\"phase\":\"measuring\"}\n");
    }
    if (phase == MEASURING && options.churn > 0) {
      while (churned < (now - phase_at) * options.churn && connecting < CONNECTING_LIMIT) {
        Stream *oldest = &streams[churned % options.streams];
        if (oldest->state == BODY) {
          close(oldest->fd);
          now_open--;
          open_stream(oldest, churned % options.streams);
        } else if (oldest->state == CLOSED) open_stream(oldest, churned % options.streams);
        churned++;
      }
    }
    if (phase == MEASURING && window_asked) {
      window_asked = 0;
      report("window", phase_at, now, server_cpu, client_cpu);
      clear_window();
      phase_at = now;
      server_cpu = cpu_of(options.pid);
      client_cpu = own_cpu();
    }
    if (phase == MEASURING && (now >= phase_at + options.seconds || now_open == 0)) {
      measuring = false;
      phase = ENDING;
      report("measured", phase_at, now, server_cpu, client_cpu);
      phase_at = now;
    }
    if (phase == ENDING && (now_open == 0 || (now >= phase_at + options.quiet_s && now >= last_event_at + options.quiet_s))) break;

    struct epoll_event ready[BATCH];
    int count = epoll_wait(poller, ready, BATCH, phase == OPENING || options.churn > 0 ? 1 : 20);
    for (int i = 0; i < count; i++) {
      Stream *stream = ready[i].data.ptr;
      if (stream->state == CONNECTING) writable(stream);
      else if (stream->state != CLOSED) readable(stream);
    }
  }

  uint64_t fewest = UINT64_MAX, most = 0;
  for (int i = 0; i < options.streams; i++) {
    if (streams[i].events < fewest) fewest = streams[i].events;
    if (streams[i].events > most) most = streams[i].events;
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"phase\":\"result\",\"events\":%lu,\"fewest\":%lu,\"most\":%lu,\"gaps\":%lu,\"repeats\":%lu,\"unstamped\":%lu,\"bytes\":%lu,"
         "\"failed\":%d,\"ended\":%d,\"open\":%d,\"churned\":%d,\"maxRssKiB\":%ld}\n",
         events_total, fewest, most, gaps, repeats, unstamped, bytes_total, failed, ended, now_open, churned, usage.ru_maxrss);
  return 0;
}
