from report import READ_TIMEOUT_S, URL, connected, handle, incomplete, stop, token

# region docs
import time

import requests
from sseclient import SSEClient

last_id, wait_s, refusal = None, 1.0, None
while refusal is None:
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token()}"}
    if last_id is not None:
        headers["Last-Event-ID"] = last_id
    try:
        with requests.get(URL, headers=headers, stream=True, timeout=(10, READ_TIMEOUT_S)) as response:
            if 400 <= response.status_code < 500:
                refusal = response.status_code
                break
            response.raise_for_status()
            connected()
            for event in SSEClient(response).events():
                if event.retry is not None:
                    wait_s = int(event.retry) / 1000
                if event.event == "message":
                    handle(event.data, event.id)
                elif event.event in ("gateway.gap", "gateway.reset"):
                    incomplete(event.data)
                if event.id:
                    last_id = event.id
    except requests.RequestException:
        pass  # not there, cut, or silent for too long
    time.sleep(wait_s)
stop(refusal)
# endregion
