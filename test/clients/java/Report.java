package clients;

/** What a program of this directory is told, and says, as one line of JSON each: the test reads it. */
final class Report {
  static String url;
  private static String bearer;
  static long readTimeoutMs;

  private Report() {}

  static void read(String[] args) {
    url = args[0];
    bearer = args[1];
    readTimeoutMs = Long.parseLong(args[2]);
  }

  static String token() {
    return bearer;
  }

  static void connected() {
    say("connected", "");
  }

  static void handle(String data, String id) {
    say("event", ",\"data\":" + quoted(data) + ",\"id\":" + quoted(id == null ? "" : id));
  }

  static void incomplete(String data) {
    say("incomplete", ",\"data\":" + quoted(data));
  }

  static void stop(Object reason) {
    say("stopped", ",\"reason\":" + quoted(String.valueOf(reason)));
  }

  private static void say(String kind, String rest) {
    System.out.println("{\"kind\":\"" + kind + "\"" + rest + "}");
  }

  private static String quoted(String text) {
    return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
  }
}
