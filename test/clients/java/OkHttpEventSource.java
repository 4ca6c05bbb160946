package clients;

import static clients.Report.*;

import com.launchdarkly.eventsource.ConnectStrategy;
import com.launchdarkly.eventsource.ErrorStrategy;
import com.launchdarkly.eventsource.EventSource;
import com.launchdarkly.eventsource.MessageEvent;
import com.launchdarkly.eventsource.StartedEvent;
import com.launchdarkly.eventsource.StreamEvent;
import com.launchdarkly.eventsource.StreamException;
import com.launchdarkly.eventsource.StreamHttpErrorException;
import java.net.URI;
import java.util.concurrent.TimeUnit;

final class OkHttpEventSource {
  public static void main(String[] args) {
    Report.read(args);
    read();
  }

  // region docs
  /** By default any error is thrown; here only a 4xx is, and anything else reconnects. */
  static final class ThrowRefusals extends ErrorStrategy {
    @Override
    public Result apply(StreamException error) {
      boolean isRefusal = error instanceof StreamHttpErrorException refused
          && refused.getCode() >= 400 && refused.getCode() < 500;
      return new Result(isRefusal ? Action.THROW : Action.CONTINUE, null);
    }
  }

  static void read() {
    ConnectStrategy strategy = ConnectStrategy.http(URI.create(url))
        .readTimeout(readTimeoutMs, TimeUnit.MILLISECONDS)
        .requestTransformer(request ->
            request.newBuilder().header("Authorization", "Bearer " + token()).build());
    try (EventSource source = new EventSource.Builder(strategy).errorStrategy(new ThrowRefusals()).build()) {
      while (true) {
        StreamEvent event = source.readAnyEvent();
        if (event instanceof StartedEvent) connected();
        if (!(event instanceof MessageEvent message)) continue;
        switch (message.getEventName()) {
          case "message" -> handle(message.getData(), message.getLastEventId());
          case "gateway.gap", "gateway.reset" -> incomplete(message.getData());
          default -> {}
        }
      }
    } catch (StreamException refusal) {
      stop(refusal);
    }
  }
  // endregion
}
