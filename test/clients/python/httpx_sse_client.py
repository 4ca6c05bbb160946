from report import READ_TIMEOUT_S, URL, connected, handle, incomplete, stop, token

# region docs
import time

import httpx
from httpx_sse import connect_sse

last_id, wait_s, refusal = None, 1.0, None
with httpx.Client(timeout=httpx.Timeout(10, read=READ_TIMEOUT_S)) as client:
    while refusal is None:
        headers = {"Authorization": f"Bearer {token()}"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        try:
            with connect_sse(client, "GET", URL, headers=headers) as source:
                status = source.response.status_code
                if 400 <= status < 500:
                    refusal = status
                    break
                connected()
                for event in source.iter_sse():
                    if event.retry is not None:
                        wait_s = event.retry / 1000
                    if event.event == "message":
                        handle(event.data, event.id)
                    elif event.event in ("gateway.gap", "gateway.reset"):
                        incomplete(event.data)
                    if event.id:
                        last_id = event.id
        except httpx.TransportError:
            pass  # not there, cut, silent for too long, or no stream: 502, say
        time.sleep(wait_s)
stop(refusal)
# endregion
