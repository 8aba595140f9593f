"""Notes, with fields of the kinds that a diff has to tell."""

from django.contrib.auth.models import User
from django.db import models


class Tag(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self):
        return self.name


class Note(models.Model):
    title = models.CharField(max_length=100)
    author = models.ForeignKey(User, null=True, on_delete=models.CASCADE)
    stars = models.IntegerField(default=0)
    price = models.DecimalField(max_digits=6, decimal_places=2, default="0.00")
    due = models.DateField(null=True)
    api_key = models.CharField(max_length=50, default="")
    views = models.IntegerField(default=0)
    changed = models.DateTimeField(auto_now=True)
    tags = models.ManyToManyField(Tag, related_name="notes")

    def __str__(self):
        return self.title


class Draft(models.Model):
    title = models.CharField(max_length=100)
