// The words of the first screen in the reader's language, where it is one that we have.

const ZH = {
  "New chat": "新对话",
  "Your chats stay on this machine.": "您的对话只保存在这台电脑上。",
  "What is on your mind?": "有什么想问的？",
  "Your own assistant, on your own machine.": "您自己的助手，运行在您自己的电脑上。",
  "Ask anything": "请输入问题",
};
const spoken = navigator.languages?.[0] ?? navigator.language ?? "en";
const table = spoken.toLowerCase().startsWith("zh") ? ZH : {};

export function words(text) {
  return table[text] ?? text;
}

/** What stands in the page's HTML, said anew. */
export function translate() {
  for (const selector of ["#stay", "#title", "#hero h2", "#hero p"]) {
    const node = document.querySelector(selector);
    node.textContent = words(node.textContent);
  }
  const button = document.querySelector("#new-chat");
  button.lastChild.textContent = words(button.lastChild.textContent);
  const question = document.getElementById("question");
  question.placeholder = words(question.placeholder);
}
