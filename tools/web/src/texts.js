// What the cells say, in the language of the page.
const TEXTS = {
  zh: {
    run: "运行", check: "检查", edit: "编辑", reset: "还原", stop: "停止",
    console: "控制台", code: "代码编辑器", exercise: "练习",
    loading: "正在载入 Python（第一次约 13 MB）…", running: "运行中…", waiting: "等待上面的单元格…",
    same: "✓ 与记录的输出一致", differs: "≠ 与记录的输出不同", changed: "≠ 与记录的输出不同：代码改过了", broken: "✗ 出错了", stopped: "已停止",
    skipped: "没有运行：上面的单元格出错了",
    passed: (passed, tried) => `${passed === tried ? "✓" : "✗"} 通过 ${passed}/${tried}`,
    raised: "✗ 代码本身出错了", want: "期望", got: "得到", nothing: "（没有返回值）",
    time: (ms) => (ms < 1000 ? `${ms} 毫秒` : `${(ms / 1000).toFixed(1)} 秒`),
    cannot: "这个浏览器不能运行单元格：它需要 WebAssembly 和模块 worker（Chrome 或 Edge 80、Firefox 114、Safari 15 起）。下面仍是记录的输出。",
    failed: "Python 没能启动：",
  },
  en: {
    run: "Run", check: "Check", edit: "Edit", reset: "Reset", stop: "Stop",
    console: "Console", code: "Code editor", exercise: "Exercise",
    loading: "Loading Python (about 13 MB the first time)…", running: "Running…", waiting: "Waiting for the cells above…",
    same: "✓ same as the recorded output", differs: "≠ differs from the recorded output", changed: "≠ differs from the recorded output: the code was changed", broken: "✗ failed", stopped: "Stopped",
    skipped: "Not run: a cell above failed",
    passed: (passed, tried) => `${passed === tried ? "✓" : "✗"} ${passed}/${tried} passed`,
    raised: "✗ the code itself fails", want: "expected", got: "got", nothing: "(nothing)",
    time: (ms) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`),
    cannot: "This browser cannot run the cells: they need WebAssembly and module workers (Chrome or Edge 80, Firefox 114, Safari 15 or newer). Below is still the recorded output.",
    failed: "Python did not start: ",
  },
};

export const text = TEXTS[document.documentElement.lang.startsWith("zh") ? "zh" : "en"];
