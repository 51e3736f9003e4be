// On every page: changing the language keeps the reader's place.
// Both languages have the same blocks in the same order, so the place is a block and an offset.
const KEY = "k8s-ref-place";
const neutral = (path) => path.replace(/\/(zh|en)\//, "/_/");
const blocks = () => [...(document.querySelector("article.md-content__inner")?.children ?? [])].filter((block) => !block.matches(".k8s-note"));

function remember(link) {
  const header = document.querySelector(".md-header")?.offsetHeight ?? 0;
  const all = blocks();
  const at = all.findIndex((block) => block.getBoundingClientRect().bottom > header);
  const place = { path: neutral(location.pathname), at, y: all[at]?.getBoundingClientRect().top, count: all.length };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(place));
    localStorage.setItem("k8s-ref-lang", link.hreflang);
  } catch { /* A browser that keeps nothing begins at the top. */ }
}

function restore() {
  let place = null;
  try {
    place = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    sessionStorage.removeItem(KEY);
  } catch { /* as above */ }
  const all = blocks();
  if (place?.path !== neutral(location.pathname) || place.at < 1 || place.count !== all.length) return;
  scrollBy({ top: all[place.at].getBoundingClientRect().top - place.y, behavior: "instant" });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[hreflang]");
  if (link) remember(link);
});
restore();
