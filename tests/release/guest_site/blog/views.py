from rest_framework import serializers, viewsets

from .models import Post


class PostSerializer(serializers.ModelSerializer):
    class Meta:
        model = Post
        fields = ["id", "title", "author"]


class PostViewSet(viewsets.ModelViewSet):
    queryset = Post.objects.order_by("pk")
    serializer_class = PostSerializer
