package clients;

import static clients.Report.*;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.sse.EventSource;
import okhttp3.sse.EventSourceListener;
import okhttp3.sse.EventSources;

final class OkHttpSse {
  public static void main(String[] args) {
    Report.read(args);
    new Stream().connect();
  }

  // region docs
  static final class Stream extends EventSourceListener {
    final OkHttpClient client = new OkHttpClient.Builder().readTimeout(Duration.ofMillis(readTimeoutMs)).build();
    final ScheduledExecutorService later = Executors.newSingleThreadScheduledExecutor();
    volatile String lastId;

    void connect() {
      Request.Builder request = new Request.Builder().url(url).header("Authorization", "Bearer " + token());
      if (lastId != null) request.header("Last-Event-ID", lastId);
      EventSources.createFactory(client).newEventSource(request.build(), this);
    }

    /** The library neither reconnects by itself nor tells what `retry:` said. */
    void comeBack() {
      later.schedule(this::connect, ThreadLocalRandom.current().nextLong(500, 3_000), TimeUnit.MILLISECONDS);
    }

    @Override
    public void onOpen(EventSource source, Response response) {
      connected();
    }

    @Override
    public void onEvent(EventSource source, String id, String type, String data) {
      if (type == null) handle(data, id);
      else if (type.equals("gateway.gap") || type.equals("gateway.reset")) incomplete(data);
      if (id != null) lastId = id;
    }

    @Override
    public void onClosed(EventSource source) {
      comeBack();
    }

    @Override
    public void onFailure(EventSource source, Throwable error, Response response) {
      if (response != null && response.code() >= 400 && response.code() < 500) stop(response.code());
      else comeBack();
    }
  }
  // endregion
}
