import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

/** Fetches URLs and prints a line for each: the URL, a tab, and the answer or what was wrong. */
class Fetch {
  public static void main(String[] urls) throws InterruptedException {
    HttpClient client = HttpClient.newHttpClient();
    for (String url : urls) {
      String said;
      try {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(20)).build();
        said = client.send(request, BodyHandlers.ofString()).body();
      } catch (IOException error) {
        said = causes(error);
      }
      System.out.println(url + "\t" + said.replaceAll("\\s+", " "));
    }
  }

  private static String causes(Throwable error) {
    return error == null ? "" : error + " " + causes(error.getCause());
  }
}
