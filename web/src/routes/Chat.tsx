import { useParams } from "@tanstack/react-router";
import { ChatPage } from "@/features/chats/ChatPage";

export function Chat() {
  const { chatId } = useParams({ from: "/shell/c/$chatId" });
  return <ChatPage chatId={chatId} />;
}
