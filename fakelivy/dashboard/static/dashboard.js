// Brings the page up to date each second; without it the page reloads itself.
"use strict";
const live = document.getElementById("live");
const status_ = document.getElementById("status");

async function refresh() {
  if (document.hidden) return;
  try {
    const reply = await fetch("/_fake/dashboard/live" + location.search, { cache: "no-store" });
    if (!reply.ok) throw new Error(reply.status);
    live.innerHTML = await reply.text();
    status_.textContent = "live";
    status_.classList.remove("lost");
  } catch {
    status_.textContent = "the server does not answer";
    status_.classList.add("lost");
  }
}

setInterval(refresh, 1000);
