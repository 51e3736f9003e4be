// What the cells say, in the language of the page.
const TEXTS = {
  zh: {
    run: "运行", check: "检查", edit: "编辑", reset: "还原", stop: "停止", share: "分享",
    picture: "图，可以左右移动", console: "控制台", code: "代码编辑器", exercise: "练习",
    loading: "正在载入 Python（第一次约 13 MB）…", running: "运行中…", waiting: "等待上面的单元格…",
    same: "✓ 与记录的输出一致", differs: "≠ 与记录的输出不同", changed: "≠ 与记录的输出不同：代码改过了", broken: "✗ 出错了", stopped: "已停止",
    skipped: "没有运行：上面的单元格出错了",
    passed: (passed, tried) => `${passed === tried ? "✓" : "✗"} 通过 ${passed}/${tried}`,
    raised: "✗ 代码本身出错了", want: "期望", got: "得到", nothing: "（没有返回值）",
    time: (ms) => (ms < 1000 ? `${ms} 毫秒` : `${(ms / 1000).toFixed(1)} 秒`),
    cannot: "这个浏览器不能运行单元格：它需要 WebAssembly 和模块 worker（Chrome 或 Edge 80、Firefox 114、Safari 15 起）。下面仍是记录的输出。",
    failed: "Python 没能启动：",
    copied: "链接已复制，也在地址栏里：它带着这一页上改过的代码", inAddress: "地址栏里就是带着改动的链接，复制它即可", notRun: "改过，还没有运行",
    holds: (cells) => `这个链接带来了改过的代码：这一页有 ${cells} 个单元格与发布的不同，已经打开。还没有运行任何代码；看过之后再按“运行”，或按“还原”回到发布的样子。`,
    lost: (cells) => `链接里还有 ${cells} 个单元格，这一页现在没有了。`,
    unreadable: "读不出链接里的改动：链接不完整或已损坏，或者浏览器太旧。下面是发布的原样。", resetAll: "全部还原",
  },
  en: {
    run: "Run", check: "Check", edit: "Edit", reset: "Reset", stop: "Stop", share: "Share",
    picture: "Picture, moves sideways", console: "Console", code: "Code editor", exercise: "Exercise",
    loading: "Loading Python (about 13 MB the first time)…", running: "Running…", waiting: "Waiting for the cells above…",
    same: "✓ same as the recorded output", differs: "≠ differs from the recorded output", changed: "≠ differs from the recorded output: the code was changed", broken: "✗ failed", stopped: "Stopped",
    skipped: "Not run: a cell above failed",
    passed: (passed, tried) => `${passed === tried ? "✓" : "✗"} ${passed}/${tried} passed`,
    raised: "✗ the code itself fails", want: "expected", got: "got", nothing: "(nothing)",
    time: (ms) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`),
    cannot: "This browser cannot run the cells: they need WebAssembly and module workers (Chrome or Edge 80, Firefox 114, Safari 15 or newer). Below is still the recorded output.",
    failed: "Python did not start: ",
    copied: "Link copied, and in the address bar: it holds the edits of this page", inAddress: "The link with your edits is in the address bar; copy it from there", notRun: "Edited, not run yet",
    holds: (cells) => `This link brought edited code: ${cells === 1 ? "one cell of this page differs" : `${cells} cells of this page differ`} from what was published, and stand${cells === 1 ? "s" : ""} open. Nothing has run yet; read it, then press Run, or press Reset for the page as published.`,
    lost: (cells) => ` The link has ${cells === 1 ? "one more cell" : `${cells} more cells`} that this page no longer has.`,
    unreadable: "The edits in this link cannot be read: the link is incomplete or damaged, or the browser is too old. Below is the page as published.", resetAll: "Reset all",
  },
};

export const text = TEXTS[document.documentElement.lang.startsWith("zh") ? "zh" : "en"];
